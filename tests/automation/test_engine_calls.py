"""How the engine is called: with a `pulumi` that is a script and notes what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandError, CommandResult

from meshfleet.automation import destruction
from meshfleet.automation.checkout import PROJECT, Checkout
from meshfleet.automation.destruction import destroy, stacks_of
from meshfleet.automation.engine.engine import Engine, FleetStack
from meshfleet.automation.engine.environment import Environment, local_backend_of
from meshfleet.automation.state.recorded_state import resources_of
from meshfleet.automation.state.stack_configuration import private_copy
from meshfleet.errors import EngineError
from meshfleet.topology import StackFile, TopologyError, read_stack_file

pytestmark = pytest.mark.proof("one command at a time on a stack, and going on after a killed one", step=0)

Script = Callable[[Path, str], Path]
SALT = "encryptionsalt: v1:abc\n"


@pytest.fixture
def pulumi(tmp_path: Path, script: Script) -> Callable[[str], Path]:
    """A `pulumi` with this body; returns the file in which it notes its arguments, line by line."""
    calls = tmp_path / "calls"

    def make(body: str) -> Path:
        # The Automation API puts `--non-interactive` before everything.
        script(tmp_path / "tools" / "pulumi", f'shift\necho "$@" >> "{calls}"\n{body}')
        return calls

    return make


@pytest.fixture
def engine(tmp_path: Path, checkout: Checkout, stacks: Path) -> Engine:
    checkout.root.mkdir()
    return Engine(environment(tmp_path, checkout), read_stack_file(stacks, "good"))


def environment(tmp_path: Path, checkout: Checkout, backend: str = "") -> Environment:
    variables = {"PULUMI_BACKEND_URL": backend or local_backend_of(checkout)}
    return Environment(checkout, variables, tmp_path / "tools", "")


def state_of(checkout: Checkout, stack: str) -> Path:
    path = checkout.state / ".pulumi" / "stacks" / PROJECT / f"{stack}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 3, "checkpoint": {}}), encoding="utf-8")
    return path


def test_whether_a_local_stack_exists_is_seen_without_running_anything(engine: Engine, checkout: Checkout) -> None:
    assert not engine.exists()
    state_of(checkout, "good")
    assert engine.exists()


def test_whether_a_stack_exists_elsewhere_is_queried(
    tmp_path: Path, checkout: Checkout, engine: Engine, pulumi: Callable[[str], Path]
) -> None:
    pulumi('echo \'[{"name": "team/good"}, {"name": "other"}]\'')
    there = Engine(environment(tmp_path, checkout, "s3://bucket"), engine.file)
    assert there.exists()
    assert not Engine(there.environment, StackFile("goo", engine.file.path, {})).exists()


def test_a_new_stack_is_made_outside_the_project_and_only_the_copy_gets_the_salt(
    engine: Engine, checkout: Checkout, pulumi: Callable[[str], Path]
) -> None:
    before = engine.file.path.read_bytes()
    calls = pulumi(f"printf '{SALT}' > Pulumi.good.yaml")
    engine.initialise()
    (call,) = calls.read_text(encoding="utf-8").splitlines()
    assert call.startswith("stack init good --no-select")
    assert private_copy(checkout, "good").read_text(encoding="utf-8").endswith(SALT)
    assert engine.file.path.read_bytes() == before
    assert list(checkout.root.iterdir()) == []


def test_a_stack_that_is_there_is_not_made_again(
    engine: Engine, checkout: Checkout, pulumi: Callable[[str], Path]
) -> None:
    calls = pulumi("exit 1")
    state_of(checkout, "good")
    engine.initialise()
    assert not calls.exists()


@pytest.mark.parametrize("pending", [[{"type": "creating"}], [], None])
def test_only_pending_operations_are_forgotten_and_only_if_there_are_some(
    pending: Any, engine: Engine, tmp_path: Path, pulumi: Callable[[str], Path]
) -> None:
    exported = {"version": 3, "deployment": {"resources": ["r"], "pending_operations": pending}}
    (tmp_path / "state.json").write_text(json.dumps(exported), encoding="utf-8")
    pulumi(
        f'case "$2" in export) cat "{tmp_path}/state.json";; '
        f'import) cp -p "$4" "{tmp_path}/imported"; echo "$@" >&2;; esac'
    )
    engine.forget_pending()
    imported = tmp_path / "imported"
    assert imported.exists() == bool(pending)
    if pending:
        assert json.loads(imported.read_text(encoding="utf-8")) == {
            "version": 3,
            "deployment": {"resources": ["r"]},
        }
        assert imported.stat().st_mode & 0o777 == 0o600


def test_what_is_to_stay_begun_is_in_a_local_state_after_its_import_which_drops_it(
    engine: Engine, checkout: Checkout, tmp_path: Path, pulumi: Callable[[str], Path]
) -> None:
    path = state_of(checkout, "good")
    path.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": RESOURCES}}}), encoding="utf-8")
    (tmp_path / "state.json").write_text(
        json.dumps({"version": 3, "deployment": {"resources": RESOURCES}}), encoding="utf-8"
    )
    pulumi(f'case "$2" in export) cat "{tmp_path}/state.json";; esac')
    begun = [{"type": "creating", "resource": RESOURCES[0]}]
    engine.rewrite(lambda deployment: {**deployment, "pending_operations": begun})
    assert engine.recorded() == {"resources": RESOURCES, "pending_operations": begun}
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("stepwise", [True, False])
def test_the_state_is_written_with_each_step_unless_it_is_said_otherwise(
    stepwise: bool, engine: Engine, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables: list[dict[str, str]] = []
    monkeypatch.setattr(FleetStack, "up", lambda self, **_: variables.append(dict(self.workspace.env_vars)))
    engine.run("up", lambda _: None, stepwise=stepwise)
    assert (variables[0].get("PULUMI_SKIP_CHECKPOINTS") is None) is stepwise


RESOURCES = [{"urn": "urn:pulumi:good::meshfleet::pulumi:pulumi:Stack::meshfleet-good", "type": "pulumi:pulumi:Stack"}]


@pytest.mark.parametrize(
    ("state", "resources"),
    [
        ({"version": 3, "checkpoint": {"latest": {"resources": RESOURCES}}}, RESOURCES),
        ({"version": 3, "checkpoint": {"latest": {}}}, []),
        ({"version": 3, "checkpoint": {"latest": None}}, []),
        ({"version": 3, "checkpoint": {}}, []),
        (None, []),
    ],
    ids=["resources", "no resources", "nothing", "a new stack", "no stack"],
)
def test_the_resources_of_a_local_stack_are_read_without_running_anything(
    state: Any, resources: Any, engine: Engine, checkout: Checkout, pulumi: Callable[[str], Path]
) -> None:
    calls = pulumi("exit 1")
    if state is not None:
        state_of(checkout, "good").write_text(json.dumps(state), encoding="utf-8")
    assert resources_of(engine.recorded()) == resources
    assert not calls.exists()


def test_the_resources_of_a_stack_elsewhere_are_requested(
    tmp_path: Path, checkout: Checkout, engine: Engine, pulumi: Callable[[str], Path]
) -> None:
    (tmp_path / "state.json").write_text(json.dumps({"deployment": {"resources": RESOURCES}}), encoding="utf-8")
    calls = pulumi(f"""case "$2" in ls) echo '[{{"name": "good"}}]';; export) cat "{tmp_path}/state.json";; esac""")
    there = Engine(environment(tmp_path, checkout, "s3://bucket"), engine.file)
    assert resources_of(there.recorded()) == RESOURCES
    assert "--show-secrets" not in calls.read_text(encoding="utf-8")


def test_the_state_is_read_once_and_again_after_each_change_of_it(
    tmp_path: Path, checkout: Checkout, engine: Engine, pulumi: Callable[[str], Path]
) -> None:
    (tmp_path / "state.json").write_text(json.dumps({"deployment": {"resources": RESOURCES}}), encoding="utf-8")
    calls = pulumi(
        f"""case "$2" in ls) echo '[{{"name": "good"}}]';; export) cat "{tmp_path}/state.json";; """
        f"""import) cp "$4" "{tmp_path}/state.json";; esac"""
    )
    there = Engine(environment(tmp_path, checkout, "s3://bucket"), engine.file)

    def asked() -> list[str]:
        found = [line.split()[1] for line in calls.read_text(encoding="utf-8").splitlines()]
        calls.write_text("", encoding="utf-8")
        return found

    assert [resources_of(there.recorded()) for _ in range(3)] == [RESOURCES] * 3
    assert asked() == ["ls", "export"]
    there.rewrite(lambda deployment: {**deployment, "resources": []})
    assert asked() == ["export", "import"]
    assert resources_of(there.recorded()) == []
    assert asked() == ["ls", "export"]


def test_a_run_changes_the_state_whether_it_completes_or_not(
    engine: Engine, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(*resources: dict[str, Any]) -> None:
        recorded = {"version": 3, "checkpoint": {"latest": {"resources": list(resources)}}}
        state_of(checkout, "good").write_text(json.dumps(recorded), encoding="utf-8")

    leave()
    assert resources_of(engine.recorded()) == []
    monkeypatch.setattr(FleetStack, "up", lambda *_, **__: leave(*RESOURCES))
    engine.run("up", lambda _: None)
    assert resources_of(engine.recorded()) == RESOURCES

    def fail(*_: Any, **__: Any) -> None:
        leave()
        raise CommandError(CommandResult("", "error: the disk is full", 255))

    monkeypatch.setattr(FleetStack, "up", fail)
    with pytest.raises(EngineError, match="the disk is full"):
        engine.run("up", lambda _: None)
    assert resources_of(engine.recorded()) == []


def test_a_state_that_is_to_stay_as_it_is_is_not_written(engine: Engine, pulumi: Callable[[str], Path]) -> None:
    calls = pulumi('echo \'{"version": 3, "deployment": {"resources": []}}\'')
    engine.rewrite(dict)
    assert [line.split()[1] for line in calls.read_text(encoding="utf-8").splitlines()] == ["export"]


def test_the_reason_of_a_failure_is_what_pulumi_calls_its_error(engine: Engine, pulumi: Callable[[str], Path]) -> None:
    pulumi("echo SECRET; echo 'warning: old' >&2; echo 'error: no such stack' >&2; exit 255")
    with pytest.raises(EngineError) as caught:
        engine.outputs()
    assert str(caught.value) == "no such stack"


def test_every_stack_with_a_state_or_with_files_is_known(checkout: Checkout) -> None:
    assert stacks_of(checkout) == ()
    state_of(checkout, "dev")
    state_of(checkout, "dev").with_suffix(".json.bak").write_text("", encoding="utf-8")
    (checkout.fleet("killed")).mkdir(parents=True)
    (checkout.home / "fleets" / "a-file").write_text("", encoding="utf-8")
    assert stacks_of(checkout) == ("dev", "killed")


@pytest.fixture
def prepared(tmp_path: Path, checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `destroy` use the script."""
    checkout.root.mkdir(exist_ok=True)
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    made = environment(tmp_path, checkout)
    monkeypatch.setattr(destruction, "prepare", lambda _: made)


@pytest.mark.usefixtures("prepared", "stacks")
def test_what_a_killed_run_left_is_removed_even_when_the_engine_knows_nothing_of_it(
    checkout: Checkout, pulumi: Callable[[str], Path]
) -> None:
    calls = pulumi("exit 1")
    (checkout.fleet("good") / "clusters" / "west").mkdir(parents=True)
    (checkout.fleet("other") / "clusters" / "west").mkdir(parents=True)
    assert destroy(checkout, "good", quiet=True) == "good"
    assert not checkout.fleet("good").exists()
    assert checkout.fleet("other").exists()
    assert not calls.exists()


@pytest.mark.usefixtures("prepared", "stacks")
def test_destroy_forgets_only_what_the_state_knows_and_then_goes_on(
    checkout: Checkout, pulumi: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = {"urn": "urn:pulumi:good::p::a:b:C::west/x", "type": "a:b:C", "custom": True}
    deployment = {"resources": [secret]}
    checkpoint = {"version": 3, "checkpoint": {"latest": deployment}}
    state_of(checkout, "good").write_text(json.dumps(checkpoint), encoding="utf-8")
    exported = checkout.root / "exported"
    exported.write_text(json.dumps({"deployment": deployment}), encoding="utf-8")
    calls = pulumi(f'[ "$2" = export ] && cat "{exported}"; exit 0')
    destroyed: list[str] = []
    monkeypatch.setattr(destruction, "_destroy", lambda engine, stack, quiet: destroyed.append(stack))
    with pytest.raises(TopologyError, match="no cluster of this stack is named 'east'; known are west"):
        destroy(checkout, "good", quiet=True, forget=["east"])
    assert (destroyed, calls.exists()) == ([], False)
    # That `good` has it in its file does not matter.
    assert destroy(checkout, "good", quiet=True, forget=["west"]) == "good"
    assert destroyed == ["good"]
    assert [line.split()[1] for line in calls.read_text(encoding="utf-8").splitlines()] == ["export", "import", "rm"]
    assert not checkout.fleet("good").exists()


@pytest.mark.usefixtures("prepared", "stacks")
def test_destroying_what_is_not_there_makes_nothing(checkout: Checkout) -> None:
    assert destroy(checkout, "good", quiet=True) == ""
    assert not checkout.home.exists()


@pytest.mark.usefixtures("stacks")
def test_a_stack_of_a_shared_backend_is_found_without_any_file_of_it_here(
    tmp_path: Path, checkout: Checkout, pulumi: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.root.mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://bucket")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "theirs too")
    monkeypatch.setattr(destruction, "prepare", lambda _: environment(tmp_path, checkout, "s3://bucket"))
    destroyed: list[str] = []
    monkeypatch.setattr(destruction, "_destroy", lambda engine, stack, quiet: destroyed.append(stack))
    calls = pulumi('case $2 in ls) echo \'[{"name": "good"}]\';; export) echo {};; esac')
    assert destroy(checkout, "good", quiet=True) == "good"
    assert destroyed == ["good"]
    assert "stack rm good --yes --preserve-config" in calls.read_text(encoding="utf-8")
    assert destroy(checkout, "wrong", quiet=True) == ""
    assert not checkout.fleet("wrong").exists()
