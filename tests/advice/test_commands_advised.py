"""Each command, file and setting that a message advises is in a table, with the test that follows it, or a reason.

The table is compared with the messages, so that no advice comes without an entry.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from meshfleet.cli.command import app
from meshfleet.dataplane.node.spec import read_node
from meshfleet.errors import EmbeddedError, FileError
from meshfleet.workspace.marker import MARKER, claim_home, read_marker, write_marker
from meshfleet.workspace.marker import Marker as HomeMarker
from tests.automation.fault_injection import ERRORS, Injection, injected
from tests.automation.stack_files import ROOT
from tests.automation.swept_checkout import STACK, SweptCheckout
from tests.automation.test_advice import messages

pytestmark = pytest.mark.proof("advice was followed in a test that then succeeds", step=1)

Named = Callable[[re.Match[str]], str]
KINDS: tuple[tuple[str, Named], ...] = (
    (
        r"(?<![\w/.-])meshfleet ((?:vm )?(?:up|destroy|verify|drift|preview|status|validate|render|graph|collect|bundle"
        r"|placement|start|stop|list)\b(?: --refresh)?)",
        lambda found: f"meshfleet {found[1]}",
    ),
    (r"(?<!\w)(?:\./)?(scripts/[a-z]+(?:-[a-z]+)*)", lambda found: found[1]),
    (r"\bset (?:[A-Z]+ or )?([A-Z][A-Z_]{3,})", lambda found: f"set {found[1]}"),
    (r"the same command again", lambda found: found[0]),
    (
        r"\b(?:remove|delete) (?:that|the) (?:remote )?(file|Secret|secret|directory|pod|pulumi|network namespace)\b",
        lambda found: f"remove a {found[1].lower()}",
    ),
    (r"\bkill (?:-9 )?X", lambda _: "kill"),
    (r"pulumi stack (?:rename|import)|pulumi plugin install", lambda found: found[0]),
    (r"kubectl (?:rollout restart|get pods|describe pods|delete)", lambda found: found[0]),
    (r"--(?:yes|force|forget|restore-state|gateway)\b", lambda found: found[0]),
    (r"discovery\.[a-zA-Z]+", lambda found: found[0]),
    (r"\b(?:another|another folder) for --out", lambda _: "another --out"),
    (r"free (?:some|about)", lambda _: "free space"),
    (r"install (Debian's package [\w-]+|Go\b|helm|the official plugin)", lambda found: f"install {found[1]}"),
)
HERE = "tests/advice/test_commands_advised.py"
BUNDLES = "tests/virtual_machines/test_machine_bundle.py"
DAMAGED = "tests/automation/test_damaged_files.py"
REPAIR = "tests/integration/dev/test_repair.py"
DISCOVERY = "tests/components/test_registered_discovery.py"
SCRIPTS = "tests/toolchain/test_scripts.py"
FOLLOWED = {
    "meshfleet up": f"{REPAIR}::test_a_killed_istiod_fails_verify_is_drift_and_up_starts_it_again",
    "meshfleet up --refresh": f"{REPAIR}::test_a_deleted_remote_secret_is_drift_and_up_with_refresh_mends_it",
    "meshfleet drift": f"{REPAIR}::test_a_deleted_remote_secret_is_drift_and_up_with_refresh_mends_it",
    "meshfleet destroy": f"{DAMAGED}::test_a_state_that_is_gone_is_no_reason_for_a_new_root",
    "meshfleet verify": "tests/integration/dev/test_running_fleet.py"
    "::test_verify_runs_every_kind_of_check_on_every_cluster",
    "meshfleet preview": "tests/integration/fleets/test_existing_clusters.py"
    "::test_a_recreated_cluster_gets_everything_again_and_no_other_is_mistaken_for_it",
    "meshfleet collect": "tests/integration/dev/test_support_bundle.py"
    "::test_what_answers_is_there_and_what_does_not_is_in_the_manifest",
    "meshfleet vm bundle": "tests/integration/fleets/test_effect_on_running_machines.py"
    "::test_a_machine_registers_with_its_network_its_labels_and_its_place",
    "meshfleet vm start": "tests/integration/fleets/test_effect_on_running_machines.py"
    "::test_a_machine_registers_with_its_network_its_labels_and_its_place",
    "scripts/down": f"{SCRIPTS}::test_down_destroys_every_stack_and_removes_what_up_made",
    "scripts/bootstrap": f"{SCRIPTS}::test_an_environment_is_made_again_when_what_it_is_made_from_changes",
    "scripts/up": f"{SCRIPTS}::test_up_draws_the_fleet_even_when_it_fails_a_question",
    "set PULUMI_CONFIG_PASSPHRASE": "tests/automation/state/test_shared_backend.py"
    "::test_a_passphrase_that_is_given_is_taken",
    "set MESHFLEET_HOME": f"{HERE}::test_another_home_takes_what_a_foreign_one_refuses",
    "remove a file": f"{HERE}::test_a_damaged_record_that_is_removed_is_written_again",
    "the same command again": f"{HERE}::test_the_same_command_again_works_after_any_error",
    "another --out": f"{HERE}::test_another_folder_takes_what_a_file_refuses",
    "--yes": f"{HERE}::test_with_yes_destroy_needs_no_terminal",
    "--force": f"{BUNDLES}::test_a_folder_that_holds_something_is_only_written_into_by_force",
    "--forget": "tests/automation/test_preflight.py::test_a_cluster_that_is_forgotten_leaves_and_the_others_stay",
    "--gateway": f"{BUNDLES}::test_a_name_that_is_not_known_here_is_a_sentence_with_a_way_out",
    "discovery.server": DISCOVERY,
    "discovery.tlsServerName": DISCOVERY,
    "discovery.certificateAuthority": DISCOVERY,
    "discovery.token": DISCOVERY,
    "discovery.readBy": "tests/integration/models/test_model_hub_and_spoke.py"
    "::test_another_direction_is_applied_in_place",
    "kubectl rollout restart": "tests/integration/fleets/test_canary_upgrade.py",
    "install Go": "tests/toolchain/test_toolchain_refusals.py::test_go_is_new_enough_from_1_26",
    "install Debian's package nftables": f"{SCRIPTS}::test_root_on_debian_is_given_nft",
    "install the official plugin": "tests/automation/engine/test_kubernetes_plugin_choice.py"
    "::test_the_stand_in_gives_way_once_the_user_has_the_official_plugin",
    "pulumi plugin install": "tests/automation/engine/test_kubernetes_plugin_choice.py"
    "::test_the_stand_in_gives_way_once_the_user_has_the_official_plugin",
}
NOT_HERE = {
    "free space": "what else lies on a disk is the user's to judge",
    "install Debian's package util-linux": "without it no test of the data plane runs",
    "install helm": "the one that is built is always there",
    "kill": "ends processes that only the user can judge",
    "kubectl describe pods": "looks, and changes nothing",
    "kubectl get pods": "looks, and changes nothing",
    "pulumi stack import": "a backup of the user's own",
    "pulumi stack rename": "the way back is checked by hand: it takes a state of the real engine",
    "remove a directory": "only where Pulumi does not see a plugin that is there",
    "remove a network namespace": "only after a link of another program took its name",
    "remove a pod": "its owner creates it again, as for any pod",
    "remove a secret": "a record of Helm or a token that only an administrator damages",
    "scripts/kind-images": "needs root, apt and minutes: tests/kind/test_node_image.py runs on what it made",
    "set GOMAXPROCS": "for machines with too little memory to build",
    "set GOPROXY": "for machines without the usual network",
    "set LC_ALL": "names outside of ASCII in such a locale: tests/cli/test_entry_point.py",
    "set MESHFLEET_CACHE": "for disks too small to build on",
}


def advised() -> set[str]:
    """Everything of these kinds that any message advises."""
    sentences = [text for _, text in messages() if len(text.split()) > 3]
    return {named(found) for text in sentences for form, named in KINDS for found in re.finditer(form, text)}


def test_every_advice_has_a_test_that_follows_it_or_a_reason() -> None:
    assert advised() == set(FOLLOWED) | set(NOT_HERE)
    assert len(NOT_HERE) < len(FOLLOWED)


@pytest.mark.parametrize("advice", FOLLOWED)
def test_the_test_that_follows_it_is_there(advice: str) -> None:
    place, _, name = FOLLOWED[advice].partition("::")
    path = ROOT / (place if place.endswith(".py") else f"{place.replace('.', '/')}.py")
    assert path.is_file()
    assert not name or f"def {name}(" in path.read_text(encoding="utf-8")


@pytest.fixture
def swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SweptCheckout:
    return SweptCheckout(tmp_path, monkeypatch)


def run(words: list[str], injection: Injection | None = None) -> tuple[int, str]:
    """The exit code and what is on standard error."""
    program = typer.main.get_group(app)
    assert isinstance(program, TyperGroup)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as err:
        try:
            with injected(injection or Injection()):
                program.main(words)
        except SystemExit as end:
            return int(str(end.code)), err.getvalue()
    raise AssertionError("the command ended without an exit code")


@pytest.mark.parametrize("command", ["up", "status", "destroy --yes"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_the_same_command_again_works_after_any_error(command: str, swept: SweptCheckout) -> None:
    words = [*command.split(), "--stack", STACK]
    swept.fresh()
    plain = Injection()
    assert run(words, plain)[0] == 0
    followed = 0
    names = list(ERRORS)
    for number, call in enumerate(range(1, plain.count + 1, max(1, plain.count // 20))):
        swept.fresh()
        code, said = run(words, Injection(call, ERRORS[names[number % len(names)]]))
        if code == 1 and "run the same command again" in said:
            again, reason = run(words)
            assert again == 0, (said, reason)
            followed += 1
    # How many depends on the calls that a library makes, and so on what was imported before.
    assert followed >= 2


def test_with_yes_destroy_needs_no_terminal(swept: SweptCheckout, monkeypatch: pytest.MonkeyPatch) -> None:
    swept.fresh()
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, said = run(["destroy", "--stack", STACK])
    assert code != 0
    assert "--yes" in said
    assert run(["destroy", "--stack", STACK, "--yes"])[0] == 0


def test_another_folder_takes_what_a_file_refuses(swept: SweptCheckout, tmp_path: Path) -> None:
    swept.fresh()
    taken = tmp_path / "taken"
    taken.write_text("of somebody else", encoding="utf-8")
    code, said = run(["render", "--stack", STACK, "--out", str(taken)])
    assert code == 1
    assert "choose another directory for --out" in said
    assert run(["render", "--stack", STACK, "--out", str(tmp_path / "other")])[0] == 0


def test_another_home_takes_what_a_foreign_one_refuses(tmp_path: Path) -> None:
    (tmp_path / "foreign" / "fleets" / "thing").mkdir(parents=True)
    (tmp_path / "foreign" / "fleets" / "thing" / "file").touch()
    with pytest.raises(FileError, match="set MESHFLEET_HOME to an empty directory"):
        claim_home(tmp_path / "foreign")
    claim_home(tmp_path / "other")
    assert read_marker(tmp_path / "other") is not None


def test_a_damaged_record_that_is_removed_is_written_again(tmp_path: Path) -> None:
    (tmp_path / MARKER).write_text("{", encoding="utf-8")
    with pytest.raises(FileError, match="remove that file"):
        read_marker(tmp_path)
    (tmp_path / MARKER).unlink()
    assert read_marker(tmp_path) is None
    write_marker(tmp_path, HomeMarker("home"))
    assert read_marker(tmp_path) == HomeMarker("home")
    (tmp_path / "node.json").write_text("{", encoding="utf-8")
    with pytest.raises(FileError, match="remove that file and run meshfleet up"):
        read_node(tmp_path)
    (tmp_path / "node.json").unlink()
    with pytest.raises(EmbeddedError, match="run up again"):
        read_node(tmp_path)
