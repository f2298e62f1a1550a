"""A machine that runs in a mesh of one network is reached from a second one that comes, and loses no request.

Its labels, what its Service selects by and where it is are three things; each is as the stack says in the end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from meshfleet.dataplane.network.place import Place
from meshfleet.testing import Sandbox, settled
from meshfleet.verification.steady_requests import send_steadily
from meshfleet.verification.traffic import Target, send
from meshfleet.workspace.home import Workspace
from tests.integration.clone import Clone

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("what machines registered as follows their group, without a lost request", step=4),
    pytest.mark.root("machines in network namespaces"),
]

STACK = "machine-steps"
HOST = "billing.orders.svc.cluster.local"
CLUSTER: dict[str, Any] = {"embedded": {"pods": "processes"}}
FIRST: dict[str, Any] = {
    "host": "west",
    "networks": {"coast": {}},
    "clusters": {"west": CLUSTER | {"network": "coast"}},
    "namespaces": {"orders": {"injection": True}},
    "workloads": {"web": {"namespace": "orders"}},
    "virtualMachines": {
        "billing": {
            "namespace": "orders",
            "cluster": "west",
            "labels": {"app": "billing", "version": "v2"},
            "selector": {"app": "billing"},
            "region": "r1",
            "zone": "r1-b",
            "subzone": "rack-7",
            "ports": {"http": {"port": 8080}},
        }
    },
}


def with_a_second_network() -> dict[str, Any]:
    config = deepcopy(FIRST)
    config["networks"]["inland"] = {}
    config["clusters"]["east"] = CLUSTER | {"network": "inland"}
    config["workloads"]["shop"] = {"namespace": "orders", "clusters": ["east"]}
    return config


@pytest.fixture(scope="module")
def sandbox(clone: Clone) -> Iterator[Sandbox]:
    with clone.sandbox() as made:
        made.write_stack(STACK, FIRST)
        made.meshfleet("up", "--stack", STACK)
        # The gateway that machines reach istiod through is ready when this holds.
        made.meshfleet("verify", "--stack", STACK, "--seconds", "90")
        made.meshfleet("vm", "start", "billing", "--stack", STACK)
        yield made
        made.meshfleet("destroy", "--stack", STACK, "--yes")
        assert made.remains(STACK) == []


def place(sandbox: Sandbox, cluster: str, workload: str) -> tuple[str, Target]:
    """The network namespace of a pod of a workload, and the Service of the machine as its cluster has it."""
    pods = sandbox.get(STACK, cluster, "pods", "--namespace", "orders", "--selector", f"app={workload}")["items"]
    (pod,) = [one for one in pods if "deletionTimestamp" not in one["metadata"]]
    service = sandbox.get(STACK, cluster, "service", "billing", "--namespace", "orders")
    namespace = Place.of(Workspace(STACK, sandbox.home)).pod(cluster, pod["metadata"]["uid"])
    return namespace, Target(service["spec"]["clusterIP"], 8080, HOST)


def entry(sandbox: Sandbox) -> dict[str, Any]:
    (found,) = sandbox.get(STACK, "west", "workloadentry", "--namespace", "orders")["items"]
    return dict(found)


def verified(sandbox: Sandbox) -> None:
    """Nothing is another way than the stack says."""
    found = sandbox.meshfleet("verify", "--stack", STACK, "--json", expect=None).report
    assert [(one["name"], one["cluster"], one["detail"]) for one in found["checks"] if not one["ok"]] == []


def test_a_machine_registers_with_its_network_its_labels_and_its_place(sandbox: Sandbox) -> None:
    spec = entry(sandbox)["spec"]
    assert (spec["network"], spec["locality"]) == ("coast", "r1/r1-b/rack-7")
    assert spec["labels"].items() >= {"app": "billing", "version": "v2"}.items()
    service = sandbox.get(STACK, "west", "service", "billing", "--namespace", "orders")
    assert service["spec"]["selector"] == {"app": "billing"}
    namespace, target = place(sandbox, "west", "web")
    assert settled(lambda: all(one.code == 200 for one in send(namespace, target, 5, 5)), 30)


def test_a_second_network_comes_while_a_machine_is_called(sandbox: Sandbox) -> None:
    namespace, target = place(sandbox, "west", "web")
    with send_steadily(namespace, target) as sent:
        time.sleep(3)
        sandbox.write_stack(STACK, with_a_second_network())
        sandbox.meshfleet("up", "--stack", STACK)
        # Proxies that end drain for five seconds: what they lose comes by then.
        time.sleep(10)
    print(f"{len(sent.requests)} sent, {len(sent.failed)} failed")
    assert (sent.failed, len(sent.requests) > 500) == ([], True)


def test_it_is_called_from_the_second_network(sandbox: Sandbox) -> None:
    sandbox.meshfleet("status", "--stack", STACK, "--json")
    namespace, target = place(sandbox, "east", "shop")
    settled(lambda: send(namespace, target, 1, 5)[0].code == 200, 60)
    with send_steadily(namespace, target) as sent:
        time.sleep(5)
    assert (sent.failed, len(sent.requests) > 100) == ([], True)
    verified(sandbox)


def test_an_entry_that_an_earlier_release_made_follows_its_group(sandbox: Sandbox) -> None:
    name = entry(sandbox)["metadata"]["name"]
    stale = '{"spec": {"network": "", "labels": {"version": "v1"}}}'
    place_of = ("workloadentry", name, "--namespace", "orders", "--type", "merge", "--patch", stale)
    sandbox.kubectl(STACK, "west", "patch", *place_of)
    found = sandbox.meshfleet("drift", "--stack", STACK, "--json", expect=3).report["drift"]
    assert any(f"network of WorkloadEntry {name} is empty, the stack declares coast" in line for line in found)
    told = sandbox.meshfleet("up", "--stack", STACK, "--json").report["restarts"]
    assert told == [f"west: WorkloadEntry {name} updated from billing: labels, network"]
    spec = entry(sandbox)["spec"]
    assert (spec["network"], spec["labels"]["version"]) == ("coast", "v2")
    assert sandbox.meshfleet("drift", "--stack", STACK, "--json").report["drift"] == []
