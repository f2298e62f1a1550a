"""A step of a removal that fails keeps no other step from being done, and what is left stays known."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from meshfleet.dataplane import sweep as sweeping
from meshfleet.dataplane.network import namespaces, node_network
from meshfleet.dataplane.network.place import Place
from meshfleet.embedded.ports import reserve_ports
from meshfleet.embedded.reservations import reservations
from meshfleet.errors import EmbeddedError, FileError, NetworkError, ProcessError
from meshfleet.errors.containment import Failure, each, require_none
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace

pytestmark = pytest.mark.proof("one that cannot be removed keeps no other", step=0)

STEPS = ("_end_all", "_end_until_none", "remove_data_plane", "remove_directory", "remove_links")


class Watched:
    """Which steps were done, and the one that fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
        self.done: list[str] = []
        for name in STEPS:
            monkeypatch.setattr(sweeping, name, self._step(name, failing))

    def _step(self, name: str, failing: str) -> Callable[..., None]:
        def step(*_: Any) -> None:
            self.done.append(name)
            if name == failing:
                raise ProcessError(f"{name} failed")

        return step


@pytest.mark.parametrize("failing", STEPS)
def test_every_other_step_of_a_sweep_is_done_and_the_fleet_stays_known(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    workspace = Workspace("dev", home)
    workspace.claim()
    reserve_ports(home, "dev/cluster/west", ("etcd",))
    monkeypatch.setattr(sweeping, "cut_directories", lambda *_: [tmp_path / "cut"])
    with monkeypatch.context() as patched:
        watched = Watched(patched, failing)
        with pytest.raises(ProcessError, match=f"^{failing} failed$"):
            sweeping.sweep("dev", home)
    assert watched.done == list(STEPS)
    with reservations(home) as held:
        assert set(held.ports) == {"dev/cluster/west"}
    sweeping.sweep("dev", home)
    with reservations(home) as held:
        assert not held.ports
    assert not workspace.directory.exists()


def test_a_node_that_cannot_be_removed_keeps_no_file_of_its_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace("dev", tmp_path)
    workspace.claim()
    workspace.cluster("west").mkdir(parents=True)

    def fail(*_: object) -> None:
        raise NetworkError("a link is stuck")

    monkeypatch.setattr(sweeping, "remove_node_of", fail)
    with pytest.raises(NetworkError, match="stuck"):
        sweeping.sweep_cluster("dev", "west", tmp_path)
    assert not workspace.cluster("west").exists()


def test_a_namespace_in_which_something_does_not_end_keeps_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[str] = []

    def refuse(*_: object) -> None:
        raise ProcessError("process 7 does not end")

    def remove(name: str) -> None:
        removed.append(name)
        if name == "b":
            raise NetworkError("network namespace b: cannot be removed")

    monkeypatch.setattr(namespaces, "processes_in", lambda *names: ["7"] if "a" in names else [])
    monkeypatch.setattr(processes, "end", refuse)
    monkeypatch.setattr(namespaces, "_remove", remove)
    with pytest.raises(EmbeddedError, match="process 7 does not end; network namespace b: cannot be removed"):
        namespaces.remove("a", "b", "c")
    assert removed == ["b", "c"]


def test_with_the_last_node_the_bridges_go_though_a_pod_of_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place("0" * 8)
    removed: list[tuple[str, ...]] = []

    def remove(*names: str) -> None:
        removed.append(names)
        if place.node("west") in names:
            raise ProcessError("process 7 does not end")

    monkeypatch.setattr(namespaces, "remove", remove)
    monkeypatch.setattr(namespaces, "names", lambda prefix: (f"{prefix}uid",))
    monkeypatch.setattr(node_network, "alone", lambda _: nullcontext())
    monkeypatch.setattr(node_network, "nodes", lambda _: [])
    with pytest.raises(ProcessError):
        node_network.remove_node(place, "west")
    assert removed == [(place.pod("west", "uid"), place.node("west")), (place.fabric,)]


def test_of_several_failures_one_error_names_each() -> None:
    errors = {"a": FileError("a: no space"), "b": OSError("b is gone")}

    def fail(name: str) -> None:
        raise errors[name]

    with pytest.raises(EmbeddedError, match=r"^a: no space; OSError: b is gone$"):
        require_none(each(errors, fail))
    with pytest.raises(FileError, match=r"^a: no space$"):
        require_none([Failure("a", errors["a"])])
    require_none([])
