"""An existing cluster that will never respond again: named within a bound, and forgotten with --forget."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from meshfleet.embedded.cluster import Cluster
from meshfleet.embedded.cluster_spec import ClusterSpec
from meshfleet.testing import Sandbox, small_fleet
from meshfleet.toolchain import Toolchain
from meshfleet.versions import EMBEDDED_KUBERNETES
from meshfleet.workspace.home import Workspace
from tests.integration.clone import Clone

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("a dead existing cluster is named within a bound, and can be forgotten", step=3),
]

STACK = "theirs"
# Every resource in it gets five seconds for a connection, and only those that need no other are tried.
BOUND = 90


@dataclass(frozen=True)
class Mixed:
    """A fleet of an embedded cluster `host` and of `west`, which no stack made and which is dead by now."""

    sandbox: Sandbox
    kubeconfig: Path

    def stack(self, *namespaces: str) -> dict[str, Any]:
        """The configuration, with these namespaces beside those of `small_fleet`."""
        config = small_fleet("host", "west")
        existing = {"kubeconfig": str(self.kubeconfig), "context": "west", "pods": "simulated"}
        config["clusters"]["west"] = {"existing": existing, "network": "network-west"}
        config["namespaces"] |= {name: {} for name in namespaces}
        return config


@pytest.fixture
def mixed(clone: Clone, toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mixed]:
    monkeypatch.setitem(os.environ, "MESHFLEET_TOOLS", str(toolchain.bin))
    cluster = Cluster(Workspace("theirs", tmp_path / "theirs"), "west")
    try:
        with clone.sandbox() as sandbox:
            kubeconfig = sandbox.folder / "user" / "config.yaml"
            kubeconfig.touch(0o600)
            running = cluster.create(ClusterSpec("west", EMBEDDED_KUBERNETES))
            kubeconfig.write_text(running.kubeconfig, encoding="utf-8")
            mixed = Mixed(sandbox, kubeconfig)
            clone.write_stack(STACK, mixed.stack())
            sandbox.meshfleet("up", "--stack", STACK, "--json")
            cluster.delete()
            yield mixed
    finally:
        cluster.delete()


def test_up_and_destroy_name_it_with_what_to_do_and_go_on_once_it_is_forgotten(mixed: Mixed) -> None:
    sandbox, hint = mixed.sandbox, "if west is permanently lost: "
    sandbox.write_stack(STACK, mixed.stack("more"))
    failed = sandbox.meshfleet("up", "--stack", STACK, expect=1, seconds=BOUND)
    assert "west: namespace-more: " in failed.err
    assert "does not respond" in failed.err
    assert "host  workloads  namespace-more created" in failed.err
    assert f"{hint}remove it from the stack file and run meshfleet up --stack {STACK} --forget west" in failed.err

    sandbox.write_stack(STACK, small_fleet("host"))
    failed = sandbox.meshfleet("up", "--stack", STACK, expect=1, seconds=BOUND)
    assert hint in failed.err
    failed = sandbox.meshfleet("destroy", "--stack", STACK, "--yes", expect=1, seconds=BOUND)
    assert f"{hint}run meshfleet destroy --stack {STACK} --forget west" in failed.err

    assert list(sandbox.meshfleet("up", "--stack", STACK, "--forget", "west", "--json").report["forgotten"]) == ["west"]
    assert sandbox.meshfleet("verify", "--stack", STACK, "--json").report["ok"]
    sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
    assert sandbox.remains(STACK) == []


def test_destroy_forgets_it_and_removes_the_rest(mixed: Mixed) -> None:
    ran = mixed.sandbox.meshfleet("destroy", "--stack", STACK, "--yes", "--forget", "west", seconds=BOUND)
    assert "west  cluster  processes and files removed" in ran.err
    assert mixed.sandbox.remains(STACK) == []
