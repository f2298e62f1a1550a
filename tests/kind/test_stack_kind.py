"""`stacks/Pulumi.kind.yaml` on real nodes: two clusters, multi-primary, pods with sidecars that carry requests.

The fleet is brought up by two runs, of which the first was killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

from meshfleet.containers.engine import Engine
from meshfleet.kind.nodes import CLUSTER_LABEL
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.testing import Sandbox
from tests.integration.clone import Clone, make_clone
from tests.kind.fleets import KindFleet

ECHO = "http://echo.sample.svc.cluster.local"
LEDGER = "http://ledger.sample.svc.cluster.local"
BOTH = {"west", "east"}
OURS = tuple(f"mf-kind-{cluster}-" for cluster in sorted(BOTH))


@pytest.fixture(scope="module")
def clone() -> Iterator[Clone]:
    """A fresh clone for all fleets of this file."""
    folder = Path(tempfile.mkdtemp(prefix="mf-"))
    try:
        yield make_clone(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def sandbox(clone: Clone) -> Iterator[Sandbox]:
    """A home for all of them, one after another."""
    with clone.sandbox() as made:
        yield made


@dataclass(frozen=True)
class KilledUp:
    """An `up` that was killed: its exit code, and the containers that it left, by name with their identifiers."""

    code: int
    left: Mapping[str, str]


@pytest.fixture(scope="module")
def killed(engine: Engine, sandbox: Sandbox) -> KilledUp:
    """The first `up`, killed as soon as a node's container is there, of which kubeadm then makes a cluster."""

    def begun() -> None:
        if not nodes(engine):
            raise NotYetError("no container")

    running = sandbox.start("up", "--stack", "kind")
    try:
        wait_until(begun, "a node that is being made", 120, "see the output of up")
    finally:
        # With the engine and its plugins, as a machine that is short of memory does.
        os.killpg(running.process.pid, signal.SIGKILL)
    return KilledUp(running.end(), nodes(engine))


@pytest.fixture(scope="module")
def fleet(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[KindFleet]:
    """The fleet; destroyed at the end, if the last test has not done it."""
    made = KindFleet(sandbox, "kind")
    try:
        request.getfixturevalue("killed")
        made.up()
        yield made
    finally:
        if sandbox.remains("kind"):
            made.run("destroy", "--yes")


def nodes(engine: Engine) -> dict[str, str]:
    """The containers of all fleets called `kind` with these clusters: their names with their identifiers."""
    listed = engine.run("ps", "-a", "--filter", f"label={CLUSTER_LABEL}", "--format", "{{.Names}} {{.ID}}", seconds=60)
    found = dict(line.split() for line in listed.out.splitlines())
    return {name: identifier for name, identifier in found.items() if name.startswith(OURS)}


@pytest.mark.proof("a kind cluster that is gone or half made is made again", step=5)
def test_a_killed_up_is_completed_by_the_next_one(fleet: KindFleet, killed: KilledUp, engine: Engine) -> None:
    assert killed.code == -signal.SIGKILL
    assert killed.left
    made = nodes(engine)
    assert made.keys() == {f"mf-kind-{cluster}-control-plane" for cluster in BOTH}
    # What was half made is not kept.
    assert not set(killed.left.values()) & set(made.values())
    for cluster in sorted(BOTH):
        assert fleet.names(cluster, "nodes") == {f"mf-kind-{cluster}-control-plane"}


@pytest.mark.proof("pods of clusters in containers have sidecars and carry requests across", step=5)
def test_real_pods_have_sidecars(fleet: KindFleet) -> None:
    found = {cluster: fleet.containers(cluster) for cluster in BOTH}
    assert {cluster: len(pods) for cluster, pods in found.items()} == {"west": 1, "east": 2}
    assert all({"echo", "istio-proxy"} <= names for pods in found.values() for names in pods.values()), found


@pytest.mark.proof("pods of clusters in containers have sidecars and carry requests across", step=5)
@pytest.mark.parametrize("cluster", sorted(BOTH))
def test_requests_are_answered_by_both_clusters(fleet: KindFleet, cluster: str) -> None:
    answers = fleet.send_until(cluster, "echo", ECHO, 50, BOTH)
    assert answers.callers == {"spiffe://cluster.local/ns/sample/sa/echo"}


@pytest.mark.proof("clusters in containers take nothing but mutual TLS", step=5)
def test_plain_text_to_a_pod_is_reset(fleet: KindFleet, engine: Engine) -> None:
    address = fleet.get("west", "pods", "-n", "sample", "-l", "app=echo")["items"][0]["status"]["podIP"]
    # By the node itself, whose requests no proxy wraps.
    script = 'curl --silent --show-error --max-time 5 "$1" 2>&1 || true'
    command = ("sh", "-c", script, "sh", f"http://{address}:8080/")
    ended = engine.run("exec", "mf-kind-west-control-plane", *command, seconds=60)
    assert "reset by peer" in ended.out


@pytest.mark.proof("addresses of Services that nodes do not have yet are refused at once", step=5)
def test_a_service_without_rules_is_refused_at_once(fleet: KindFleet, engine: Engine) -> None:
    ranges = [ip_network(one) for one in fleet.get("east", "servicecidr", "kubernetes")["spec"]["cidrs"]]
    used = {one["spec"]["clusterIP"] for one in fleet.get("east", "services", "-A")["items"]}
    free = next(str(one) for one in reversed(list(ranges[0].hosts())) if str(one) not in used)
    # A pod without a sidecar, whose packets the node forwards; and the node itself.
    (pod, *_) = fleet.get("east", "pods", "-n", "kube-system", "-l", "k8s-app=kube-dns")["items"]
    ask = 'curl --silent --show-error --max-time 5 "http://$1/" 2>&1 || true'
    of_pod = 'nsenter --net="$place" ip -4 address | grep -q "inet $2/"'
    within = f'for place in /run/netns/*; do if {of_pod}; then nsenter --net="$place" {ask}; fi; done'
    for script in (ask, within):
        command = ("sh", "-c", script, "sh", free, pod["status"]["podIP"])
        ended = engine.run("exec", "mf-kind-east-control-plane", *command, seconds=60)
        # Number 28 is a time-out.
        assert ended.out.startswith("curl: (7) "), ended


@pytest.mark.proof("a workload lets in whom it names, between clusters in containers", step=5)
def test_a_policy_goes_by_identity_across_clusters(fleet: KindFleet) -> None:
    for cluster in sorted(BOTH):
        fleet.send_until(cluster, "echo", LEDGER, 5, {"east"})
    assert fleet.send("east", "ledger", LEDGER, 5).statuses == {"403": 5}
    assert fleet.send("east", "ledger", ECHO, 5).statuses == {"200": 5}


@pytest.mark.proof("requests of clusters in containers go on where the pods of one side are gone", step=5)
def test_the_other_cluster_answers_while_a_side_has_no_pods(fleet: KindFleet) -> None:
    fleet.scale("east", "echo-v1", 0)
    fleet.send_until("east", "ledger", ECHO, 30, {"west"})
    # The stack file says one pod, which a refresh sees.
    assert any("workload-deployment-echo-v1" in change for change in fleet.drift())
    fleet.up("--refresh")
    fleet.send_until("east", "ledger", ECHO, 30, BOTH)


@pytest.mark.proof("a kind cluster is changed in place or found unchanged", step=5)
def test_a_second_up_changes_nothing(fleet: KindFleet) -> None:
    assert fleet.up()["changes"] == {}
    assert fleet.preview() == []


@pytest.mark.proof("a kind cluster that is gone or half made is made again", step=5)
def test_stopped_nodes_are_started_again(fleet: KindFleet, engine: Engine) -> None:
    # Not at once with the next test: an istiod that starts while a peer is gone waits 30 s for it.
    engine.run("stop", "--time", "5", "mf-kind-west-control-plane", seconds=120)
    assert any("west: nodes" in change for change in fleet.preview())
    fleet.up()
    fleet.send_until("west", "echo", ECHO, 20, BOTH)
    assert fleet.up()["changes"] == {}


@pytest.mark.proof("a kind cluster that is gone or half made is made again", step=5)
def test_a_cluster_deleted_by_hand_is_recreated_with_what_was_in_it(fleet: KindFleet, engine: Engine) -> None:
    engine.run("rm", "-f", "-v", "mf-kind-east-control-plane", seconds=120)
    assert any("east: nodes" in change for change in fleet.preview())
    fleet.up()
    for cluster in sorted(BOTH):
        fleet.send_until(cluster, "echo", ECHO, 20, BOTH)


@pytest.mark.proof("destroy leaves nothing of a kind cluster", step=5)
def test_destroy_leaves_nothing(fleet: KindFleet, engine: Engine, sandbox: Sandbox) -> None:
    fleet.destroy()
    assert nodes(engine) == {}
    assert not (sandbox.home / "fleets").exists()
