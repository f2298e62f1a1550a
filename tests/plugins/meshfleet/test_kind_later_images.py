"""Images that were built after a node was made: what is loaded into which node, with an engine that notes it."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from meshfleet.containers.images.component import cert_manager_images
from meshfleet.errors import ContainersError, EmbeddedError
from meshfleet.kind import later_images
from meshfleet.kind.engine import DockerEngine
from meshfleet.kind.later_images import load_later_images
from meshfleet.kind.nodes import Node
from meshfleet.plugins.meshfleet.kind_cluster import KindClusterHandler
from meshfleet.processes.bounded_run import Ended

pytestmark = pytest.mark.proof("images of containers from packages alone", step=0)

WANTED = cert_manager_images("v1.21.2")
NODES = [Node(name, name, "", True, "", "172.18.0.2", frozenset()) for name in ("first", "second")]


class Noting:
    """An engine whose nodes hold `held`; `loaded` are the names of each archive that was copied, by node."""

    where = "docker"

    def __init__(self, held: dict[str, list[str]], *, full: bool = False) -> None:
        self.held, self.full = held, full
        self.loaded: dict[str, list[str]] = {}
        self.calls: list[tuple[str, ...]] = []

    def run(self, *words: str, **_: Any) -> Ended:
        """Note the command."""
        self.calls.append(words)
        if words[0] == "cp":
            with tarfile.open(words[1]) as tar:
                manifest = tar.extractfile("manifest.json")
                assert manifest is not None
                names = [tag for one in json.load(manifest) for tag in one["RepoTags"]]
            self.loaded[words[2].partition(":")[0]] = names
            return Ended(int(self.full), "", "no space left on device" if self.full else "")
        return Ended(0, "\n".join(self.held[words[2]]) if "list" in words else "", "")

    def load(self, *wanted: str) -> None:
        """Load these images into both nodes."""
        load_later_images(cast("DockerEngine", self), NODES, wanted)


@pytest.fixture(autouse=True)
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Images that were made, of small programs."""
    programs = {f"cert-manager-{name}": tmp_path / name for name in ("controller", "webhook", "cainjector")}
    for path in programs.values():
        path.write_bytes(b"\x7fELF")
    versions = SimpleNamespace(versions={"cert-manager": "v1.21.2"})
    plan = SimpleNamespace(programs=programs, toolchain=lambda: versions)
    images = SimpleNamespace(require=lambda: None, place=SimpleNamespace(images=tmp_path))
    monkeypatch.setattr(later_images, "container_plan", lambda: plan)
    monkeypatch.setattr(later_images, "find_images", lambda: images)
    return images


def test_nodes_that_hold_them_are_only_asked() -> None:
    engine = Noting({node.identifier: [*WANTED, "registry.k8s.io/pause:3.10"] for node in NODES})
    engine.load(*WANTED)
    assert [words[-2:] for words in engine.calls] == [("list", "--quiet")] * 2
    engine.calls.clear()
    engine.load()
    assert not engine.calls


def test_each_node_gets_what_it_lacks(tmp_path: Path) -> None:
    engine = Noting({"first": [WANTED[0]], "second": list(WANTED)})
    engine.load(*WANTED)
    assert engine.loaded == {"first": sorted(WANTED[1:])}
    assert [words[3] for words in engine.calls if words[0] == "exec" and "first" in words] == ["ctr", "ctr", "rm"]
    # Nothing of it is left on this machine.
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_what_is_not_built_here_is_named() -> None:
    with pytest.raises(EmbeddedError, match=r"example/app:1: not built here; those that are: quay.io/jetstack/"):
        Noting({"first": [], "second": []}).load("example/app:1")


def test_images_that_are_not_complete_are_made_first(built: SimpleNamespace) -> None:
    def require() -> None:
        raise ContainersError("run scripts/kind-images")

    built.require = require
    engine = Noting({"first": [], "second": []})
    with pytest.raises(ContainersError, match="run scripts/kind-images"):
        engine.load(*WANTED)
    assert not engine.loaded


def test_a_disk_that_is_full_is_reported(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="no space left"):
        Noting({"first": [], "second": []}, full=True).load(*WANTED)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_other_ones_are_loaded_into_the_same_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = SimpleNamespace(state=lambda: "running")
    monkeypatch.setattr("meshfleet.plugins.meshfleet.kind_cluster._cluster", lambda *_: cluster)
    handler = KindClusterHandler()
    wanted = {"fleet": "dev", "name": "west", "network": "n", "kubernetesVersion": "v1.35.4"}
    before, faults = handler.check(wanted)
    after, more = handler.check(wanted | {"laterImages": list(WANTED)})
    assert not faults + more
    found = handler.diff(before, {"state": "running"}, after)
    assert (found.updates, found.replaces) == (("laterImages",), ())
    assert [fault.property for fault in handler.check(wanted | {"laterImages": "all"})[1]] == ["laterImages"]
