"""Every file below the home, damaged in five ways, under every command: nothing that runs is removed.

Each command works, or names the file or its stack with the way out. The processes are stand-ins that only sleep; the
same is done to real clusters in tests/integration/faults/test_damaged_home.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from meshfleet import toolchain, verification
from meshfleet.automation.engine import kubernetes_plugin
from meshfleet.automation.engine.engine import Engine, FleetStack
from meshfleet.automation.engine.kubernetes_plugin import KubernetesPlugin
from meshfleet.embedded.cluster_spec import COMPONENTS
from meshfleet.processes.process_table import rows
from meshfleet.verification import Report
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace
from tests.automation.made_up_home import CLUSTER, STACK, WAYS, files, fill, start
from tests.automation.made_up_session import STATUS
from tests.automation.stack_files import Command

pytestmark = pytest.mark.proof("damaged files lose nothing and are named", step=0)

OTHERS = ("validate", "status", "verify", "drift", "preview", "up", "graph", "vm list")
"""Every command that reads the home, but `destroy`."""
UNREAD = ("kubectl/", "pulumi/", "/history/", "/logs/", "/pids/", "/pki/", "/certificates/", ".log", ".svg", "/db")
"""Parts of the paths of files that no command reads: they are damaged under two commands, all others under all."""
DATA = f"fleets/{STACK}/clusters/{CLUSTER}/kwok/clusters/{CLUSTER}/etcd/member/snap/db"


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An engine that does nothing, tools that are there, and a fleet that responds."""
    tools = SimpleNamespace(bin=tmp_path / "tools", charts=tmp_path / "charts", gateway_api=tmp_path / "gateway-api")
    monkeypatch.setattr(toolchain, "ensure", lambda *_: tools)
    monkeypatch.setattr(kubernetes_plugin, "install", lambda *_: KubernetesPlugin(tmp_path, True, ""))
    monkeypatch.setattr("meshfleet.automation.engine.environment._link", lambda *_: None)
    monkeypatch.setattr("meshfleet.automation.engine.shared_plugins._shared", _NothingShared)
    for operation in ("up", "preview", "preview_refresh", "destroy"):
        monkeypatch.setattr(FleetStack, operation, lambda *_, **__: None)
    outputs = {"fleet": {**STATUS, "stack": STACK, "virtualMachines": []}, "kubeconfigs": {"west": "x"}}
    monkeypatch.setattr(Engine, "outputs", lambda self: _copied(outputs))
    monkeypatch.setattr(Engine, "_pulumi", lambda self, *arguments, **_: _pulumi(self, arguments))
    monkeypatch.setattr(verification, "read_fleet", lambda *_: None)
    monkeypatch.setattr(verification, "run", lambda *_, **__: Report(()))


class _NothingShared:
    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def _copied(outputs: dict[str, Any]) -> dict[str, Any]:
    import copy

    return copy.deepcopy(outputs)


def _pulumi(engine: Engine, arguments: tuple[str, ...]) -> str:
    """The CLI, as far as these commands need one: `stack rm` renames the state to its backup."""
    if arguments[:2] == ("stack", "rm"):
        path = engine._local_state()
        path.replace(path.with_name(f"{path.name}.bak"))
    return '{"version": 3, "deployment": {}}'


@pytest.fixture
def running(home: Path, fake_engine: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home of a running fleet."""
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    fill(home)
    yield home
    processes.end([psutil.Process(row.pid) for row in rows() if row.program.startswith(f"{home}/")], 0)


def alive(home: Path) -> set[str]:
    """The programs of the fleet that run, by the table alone: a damaged home must not decide it."""
    return {row.name for row in rows() if row.program.startswith(f"{home}/")}


def _commands(name: str) -> tuple[str, ...]:
    return ("status", "up") if any(part in f"/{name}" for part in UNREAD) else OTHERS


def damaged(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


def require_sentence(output: str, path: Path, what: str) -> None:
    assert "Traceback" not in output, (what, output)
    assert "internal error of meshfleet" not in output, (what, output)


@pytest.mark.sweep("every file is damaged in every way")
def test_every_file_damaged_in_every_way_under_every_command_but_destroy_removes_nothing(
    running: Path, meshfleet: Command
) -> None:
    swept, refused = 0, 0
    # Some are written again, or done with, by a command that works.
    kept = {name: (running / name).read_bytes() for name in files(running)}
    for name, before in kept.items():
        path = running / name
        for way, damage in WAYS.items():
            content = damage(before)
            for command in _commands(name):
                path.write_bytes(before)
                damaged(path, content)
                what = f"{name} {way}: meshfleet {command}"
                result = meshfleet(*command.split(), "--stack", STACK)
                swept += 1
                assert result.exit_code in (0, 1, 2, 3), what
                require_sentence(result.output, path, what)
                assert alive(running) == set(COMPONENTS), what
                assert name == DATA or (running / DATA).read_text() == "the data of the cluster", what
                if result.exit_code in (1, 2) and command not in ("verify", "validate"):
                    refused += 1
                    assert str(path) in result.output, (what, result.output)
                path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(before)
    assert len(kept) >= 38
    assert swept == len(WAYS) * sum(len(_commands(name)) for name in kept)
    assert sum(len(_commands(name)) == len(OTHERS) for name in kept) >= 20
    print(f"{len(kept)} files, {len(WAYS)} ways, {len(OTHERS)} commands: {swept} runs, {refused} refused")


@pytest.mark.sweep("every file is damaged in every way")
def test_destroy_with_any_file_damaged_removes_all_or_says_what_to_do_and_removes_nothing(
    running: Path, meshfleet: Command, tmp_path: Path
) -> None:
    workspace = Workspace(STACK, running)
    names = [name for name in files(running) if not name.startswith(("kubectl/", "pulumi/", "fault.log"))]
    kept = {name: (running / name).read_bytes() for name in files(running)}
    refused = set()
    for name in names:
        for way, damage in WAYS.items():
            damaged(running / name, damage(kept[name]))
            what = f"{name} {way}: meshfleet destroy"
            result = meshfleet("destroy", "--stack", STACK, "--yes")
            require_sentence(result.output, running / name, what)
            left = alive(running)
            if result.exit_code == 0:
                assert "removed good" in result.output, (what, result.output)
                assert not workspace.directory.exists(), what
                assert left == set(), what
            else:
                assert result.exit_code in (1, 2), what
                assert str(running / name) in result.output, (what, result.output)
                assert (running / DATA).exists(), what
                assert left == set(COMPONENTS), what
                refused.add(f"{name} {way}")
            for other, content in kept.items():
                (running / other).parent.mkdir(parents=True, exist_ok=True)
                (running / other).write_bytes(content)
            _claim_again(running)
            start(running)
    state = f"state/.pulumi/stacks/meshfleet/{STACK}.json"
    assert {f"{state} {way}" for way in ("empty", "cut", "garbage", "newer")} <= refused
    assert f"fleets/{STACK}/clusters/west/cluster.json empty" not in refused
    print(f"{len(names)} files, {len(WAYS)} ways: {len(names) * len(WAYS)} runs, refused: {sorted(refused)}")


def _claim_again(home: Path) -> None:
    # The directory is another one after a removal, and so is its inode in the marker.
    Workspace(STACK, home).claim()


@pytest.mark.parametrize("way", ["absent", "empty", "cut", "garbage"])
def test_a_damaged_state_is_restored_with_the_flag_and_up_then_works(
    way: str, running: Path, meshfleet: Command
) -> None:
    path = running / "state" / ".pulumi" / "stacks" / "meshfleet" / f"{STACK}.json"
    whole = path.read_bytes()
    damaged(path, WAYS[way](whole))
    refused = meshfleet("up", "--stack", STACK)
    assert refused.exit_code == 1
    assert f"{path}.bak of " in refused.output
    assert "--restore-state" in refused.output
    assert meshfleet("up", "--stack", STACK, "--restore-state").exit_code == 0
    assert path.read_bytes() == whole
    assert meshfleet("up", "--stack", STACK).exit_code == 0


def test_a_state_that_is_gone_is_no_reason_for_a_new_root(running: Path, meshfleet: Command) -> None:
    folder = running / "state" / ".pulumi" / "stacks" / "meshfleet"
    for path in (*folder.iterdir(), running / "state/.pulumi/backups/meshfleet/good/good.1.json"):
        path.unlink()
    refused = meshfleet("up", "--stack", STACK)
    assert refused.exit_code == 1
    assert "is gone, and the fleet good that it records is still here; no backup of it is whole" in refused.output
    assert not list(folder.iterdir())
    # The way out that is named.
    assert meshfleet("destroy", "--stack", STACK, "--yes").exit_code == 0
    assert not (running / "fleets" / STACK).exists()


def test_the_salt_of_a_lost_copy_comes_from_the_state(running: Path, meshfleet: Command) -> None:
    copy = running / "fleets" / STACK / f"Pulumi.{STACK}.yaml"
    for damage in WAYS.values():
        damaged(copy, damage(copy.read_bytes()))
        assert meshfleet("up", "--stack", STACK).exit_code == 0
        assert copy.read_text(encoding="utf-8").endswith("\nencryptionsalt: v1:made:up\n")


def test_the_files_are_those_that_the_owner_alone_reads(running: Path) -> None:
    assert os.stat(running).st_mode & 0o077 == 0
