"""Machines on networks that no cluster is on: their requests out, and those in through a gateway of their own.

West is on the coast with the workload `shop`. `billing` and the gateway `edge` are in a data centre, `till` in a branch
that no gateway leads into; each network has a router of its own, and no packet goes over it but to gateways.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from meshfleet.dataplane.machine.machine import Machine
from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.capture import capturing
from meshfleet.dataplane.network.place import Place
from meshfleet.testing import Sandbox, settled
from meshfleet.verification.traffic import Reply, Target, send
from meshfleet.workspace.home import Workspace
from tests.integration.clone import Clone

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("networks of machines without a cluster", step=4),
    pytest.mark.root("machines in network namespaces"),
]

STACK, NAME = "examples/machine-network", "machine-network"
BILLING, SHOP = "billing.orders.svc.cluster.local", "shop.orders.svc.cluster.local"
PORTS = {BILLING: 8080, SHOP: 80}
GATEWAY = ("203.0.113.80", 15443)
# Longer than the ten seconds that istiod waits for a machine that has gone.
SOON = 40.0


@dataclass
class Here:
    """The fleet with its three machines."""

    sandbox: Sandbox
    machines: dict[str, Machine] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        return Place.of(Workspace(NAME, self.sandbox.home))

    @property
    def pod(self) -> str:
        """The network namespace of the pod of `shop`."""
        (found,) = self.sandbox.get(STACK, "west", "pods", "--namespace", "orders")["items"]
        return self.place.pod("west", found["metadata"]["uid"])

    def send(self, namespace: str, host: str, count: int = 20) -> list[Reply]:
        """Requests to a Service from a network namespace."""
        service = self.sandbox.get(STACK, "west", "service", host.partition(".")[0], "--namespace", "orders")
        return send(namespace, Target(service["spec"]["clusterIP"], PORTS[host], host), count, 3.0)

    def start(self, name: str) -> None:
        self.sandbox.meshfleet("vm", "start", name, "--stack", STACK)
        self.machines[name] = Machine(Workspace(NAME, self.sandbox.home), name)


@pytest.fixture(scope="module")
def here(clone: Clone) -> Iterator[Here]:
    with clone.sandbox() as sandbox:
        made = Here(sandbox)
        try:
            sandbox.meshfleet("up", "--stack", STACK, "--json")
            for name in ("edge", "billing", "till"):
                made.start(name)
            yield made
        finally:
            sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
            assert namespaces.names(made.place.prefix) == ()
        assert sandbox.remains(STACK) == []


def told(replies: list[Reply]) -> set[tuple[int, str]]:
    return {(one.code, one.peer) for one in replies}


@pytest.mark.parametrize("name", ["billing", "till"])
def test_machines_of_a_network_without_a_cluster_call_one(here: Here, name: str) -> None:
    replies = here.send(here.machines[name].namespace, SHOP)
    assert told(replies) == {(200, f"spiffe://cluster.local/ns/orders/sa/{name}")}


def test_a_pod_calls_machines_through_the_gateway_of_their_network_alone(here: Here) -> None:
    pod = here.pod
    assert settled(lambda: {one.code for one in here.send(pod, BILLING, 5)} == {200}, SOON)
    with capturing(here.place) as capture:
        replies = here.send(pod, BILLING)
    assert told(replies) == {(200, "spiffe://cluster.local/ns/orders/sa/shop")}
    assert {one.version for one in replies} == {"billing"}
    # Connections may be there already; of those no opening is seen, and the gateway is still an end of them.
    used = capture.connections()
    assert all(all(begun) for begun in used.values())
    assert GATEWAY in used
    assert here.machines["billing"].address not in {address for address, _ in used}


def test_machines_of_one_such_network_call_those_of_another_through_its_gateway(here: Here) -> None:
    assert settled(lambda: {one.code for one in here.send(here.machines["till"].namespace, BILLING, 5)} == {200}, SOON)
    replies = here.send(here.machines["till"].namespace, BILLING)
    assert told(replies) == {(200, "spiffe://cluster.local/ns/orders/sa/till")}


def test_verify_finds_the_gateway_in_istiod_and_every_machine_as_declared(here: Here) -> None:
    report = here.sandbox.meshfleet("verify", "--stack", STACK, "--json").report
    details = {check["name"]: check["detail"] for check in report["checks"]}
    assert "datacenter at 203.0.113.80:15443" in details["network-gateways"]
    assert details["machines-as-declared"].startswith("3 machines of west")
    assert "edge at" in details["virtual-machines"]


def test_without_the_gateway_requests_into_its_network_fail_and_those_out_of_it_go_on(here: Here) -> None:
    pod, out = here.pod, here.machines["billing"].namespace
    here.sandbox.meshfleet("vm", "stop", "edge", "--stack", STACK)
    assert settled(lambda: {one.code for one in here.send(pod, BILLING, 3)} <= {0, 503}, SOON)
    assert {one.code for one in here.send(out, SHOP)} == {200}
    here.start("edge")
    assert settled(lambda: {one.code for one in here.send(pod, BILLING, 5)} == {200}, SOON)
