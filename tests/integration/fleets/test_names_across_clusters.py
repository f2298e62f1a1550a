"""Names across clusters, with real DNS queries and real requests: one name, answered by several clusters.

Paris calls what runs in Dublin, on its network, and in Ohio, behind a gateway.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rdatatype
import pytest

from meshfleet.dataplane.network import namespaces, node_network
from meshfleet.dataplane.network.router import ROUTER
from meshfleet.testing import FleetUnderTest, Sender, answered, bring_up, settled
from meshfleet.topology import read_stack_file
from meshfleet.topology.multi_cluster_service import address_of
from meshfleet.verification.traffic import Reply, Target, send
from tests.coredns_server import CoreDns, coredns
from tests.integration.clone import Clone

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("one name leads to a Service in several clusters", step=4),
    pytest.mark.root("real requests"),
]

EXAMPLE, STACK = "examples/names", "named"
PARIS, DUBLIN, OHIO = CLUSTERS = ("paris", "dublin", "ohio")
WEB, LEDGER = "shop/web", "shop/ledger"
SHOP, TTL = "shop.example.com", 30
SECONDS = 10.0


@pytest.fixture(scope="module")
def config(clone: Clone) -> dict[str, Any]:
    """The example, which the tests change one after the other."""
    found: dict[str, Any] = json.loads(json.dumps(read_stack_file(clone.root / "stacks", EXAMPLE).config))
    return found


@pytest.fixture(scope="module")
def fleet(clone: Clone, config: dict[str, Any]) -> Iterator[FleetUnderTest]:
    clone.write_stack(STACK, config)
    with clone.sandbox() as sandbox, bring_up(sandbox, STACK) as made:
        yield made


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreDns]:
    """A name server that callers from outside ask."""
    with coredns(Path(tmp_path_factory.mktemp("coredns")), TTL) as served:
        yield served


def resolved(fleet: FleetUnderTest, cluster: str, host: str) -> set[str]:
    """The addresses that a pod of `web` gets for a host name from the name server in its /etc/resolv.conf."""
    query = dns.message.make_query(host, dns.rdatatype.A)
    namespace = Sender(fleet, cluster, WEB).network_namespace
    answer = namespaces.inside(namespace, lambda: dns.query.udp(query, ROUTER, timeout=SECONDS))
    return {item.to_text() for records in answer.answer for item in records}


def called(
    fleet: FleetUnderTest, cluster: str, host: str, address: str = "", *, port: int = 80, count: int = 40
) -> list[Reply]:
    """Requests of a pod of `web` to a host, at an address or the only one that it gets for its name."""
    if not address:
        (address,) = resolved(fleet, cluster, host)
    return send(Sender(fleet, cluster, WEB).network_namespace, Target(address, port, host), count, SECONDS)


def answering(fleet: FleetUnderTest, cluster: str, host: str) -> set[str]:
    """What answers a few requests: clusters, or what failed."""
    return set(answered(called(fleet, cluster, host)))


def published(fleet: FleetUnderTest) -> list[dict[str, Any]]:
    """The DNSEndpoint objects of the host."""
    found: list[dict[str, Any]] = fleet.get(PARIS, "dnsendpoints.externaldns.k8s.io", "--all-namespaces")["items"]
    return found


def ingress_address(fleet: FleetUnderTest, cluster: str) -> str:
    (gateway,) = fleet.cluster(cluster)["ingressGateways"]
    return str(gateway["address"])


@contextmanager
def cut_off(fleet: FleetUnderTest, cluster: str) -> Iterator[None]:
    """Lose in silence whatever other networks and the cluster send each other, until the end of the block."""
    node_network.set_cut_off(fleet.place, cluster, cut_off=True)
    try:
        yield
    finally:
        node_network.set_cut_off(fleet.place, cluster, cut_off=False)


def test_every_check_holds_and_a_second_up_has_nothing_to_do(fleet: FleetUnderTest) -> None:
    covered = fleet.verify()
    assert covered["federated-services"] == set(CLUSTERS)
    assert covered["traffic-reach"] == set(CLUSTERS)
    assert fleet.preview() == []


@pytest.mark.parametrize("service", ["catalog", "prices"])
def test_a_federated_name_has_one_address_everywhere_and_both_regions_answer_it(
    fleet: FleetUnderTest, service: str
) -> None:
    host = f"{service}.shop.svc.clusterset.local"
    for cluster in CLUSTERS:
        assert resolved(fleet, cluster, host) == {address_of("shop", service)}
    counted = answered(called(fleet, PARIS, host, count=200))
    assert counted.keys() == {DUBLIN, OHIO}
    assert min(counted.values()) > 20
    # Each region serves itself.
    assert answering(fleet, DUBLIN, host) == {DUBLIN}
    assert answering(fleet, OHIO, host) == {OHIO}


def test_a_service_that_does_not_run_in_a_cluster_has_its_usual_name_there(fleet: FleetUnderTest) -> None:
    stub = fleet.get(PARIS, "service", "prices", "--namespace", "shop")
    assert "selector" not in stub["spec"]
    provided = fleet.get(DUBLIN, "service", "prices", "--namespace", "shop")
    assert stub["spec"]["ports"] == provided["spec"]["ports"]
    host = "prices.shop.svc.cluster.local"
    assert resolved(fleet, PARIS, host) == {stub["spec"]["clusterIP"]}
    assert answering(fleet, PARIS, host) == {DUBLIN, OHIO}


@pytest.mark.parametrize("end", ["clusterset", "cluster"])
def test_a_headless_name_has_the_addresses_of_the_pods_on_the_network_of_the_caller(
    fleet: FleetUnderTest, end: str
) -> None:
    host = f"ledger.shop.svc.{end}.local"
    pods = {pod["status"]["podIP"] for pod in fleet.ready_pods(DUBLIN, LEDGER)}
    assert len(pods) == 2
    assert settled(lambda: resolved(fleet, PARIS, host) == pods, 20)
    for address in sorted(pods):
        assert answered(called(fleet, PARIS, host, address, port=8080)) == {DUBLIN: 40}


def test_a_service_that_no_cluster_exports_stays_in_its_cluster(fleet: FleetUnderTest) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "private", "namespace": "shop"},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }
    file = fleet.sandbox.folder / "private.json"
    file.write_text(json.dumps(body), encoding="utf-8")
    host = "private.shop.svc.cluster.local"
    for cluster in (PARIS, DUBLIN):
        fleet.kubectl(cluster, "apply", "-f", str(file))
    assert settled(lambda: all(resolved(fleet, cluster, host) for cluster in (PARIS, DUBLIN)), 20)
    for cluster in (PARIS, DUBLIN):
        assert settled(lambda: answering(fleet, cluster, host) == {cluster}, 20)  # noqa: B023 - called within the loop
        fleet.kubectl(cluster, "delete", "-f", str(file))


def test_names_are_served_again_by_an_istiod_that_was_killed(fleet: FleetUnderTest) -> None:
    """What an istiod reads in whatever order when it starts leads to the same names."""
    fleet.end(PARIS)
    fleet.up("--refresh")
    covered = fleet.verify("--check", "federated-services")
    assert covered["federated-services"] == set(CLUSTERS)
    assert answering(fleet, PARIS, "prices.shop.svc.clusterset.local") == {DUBLIN, OHIO}


def test_a_lost_region_is_answered_by_the_other_and_leaves_the_name_for_callers_from_outside(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any], outside: CoreDns
) -> None:
    (made,) = published(fleet)
    weights = {
        one["setIdentifier"]: (one["targets"], one["recordTTL"], one["providerSpecific"])
        for one in made["spec"]["endpoints"]
    }
    assert weights == {
        DUBLIN: ([ingress_address(fleet, DUBLIN)], TTL, [{"name": "aws/weight", "value": "3"}]),
        OHIO: ([ingress_address(fleet, OHIO)], TTL, [{"name": "aws/weight", "value": "1"}]),
    }
    outside.publish([made])
    both = {ingress_address(fleet, DUBLIN), ingress_address(fleet, OHIO)}
    assert settled(lambda: outside.answer(SHOP) == (both, {TTL}), 20)

    host = "catalog.shop.svc.clusterset.local"
    with cut_off(fleet, OHIO):
        assert settled(lambda: answering(fleet, PARIS, host) == {DUBLIN}, 60)
        without = copy.deepcopy(config)
        without["dnsEndpoints"]["shop"]["targetClusters"] = {"excludeClusters": [OHIO, PARIS]}
        clone.write_stack(STACK, without)
        assert fleet.up()["changes"] == {"update": 1}
        outside.publish(published(fleet))
        assert settled(lambda: outside.addresses_of(SHOP) == {ingress_address(fleet, DUBLIN)}, 20)
    assert settled(lambda: answering(fleet, PARIS, host) == {DUBLIN, OHIO}, 60)


def test_without_federated_services_all_is_as_before(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    without = copy.deepcopy(config)
    del without["multiClusterServices"], without["dnsEndpoints"]
    clone.write_stack(STACK, without)
    fleet.up()
    assert "federated-services" not in fleet.verify()
    assert fleet.names(PARIS, "services", "--namespace", "shop") == {"web", "catalog"}
    assert published_kinds(fleet) == set()
    # Every Service is shared again.
    assert answering(fleet, PARIS, "catalog.shop.svc.cluster.local") == {DUBLIN, OHIO}


def published_kinds(fleet: FleetUnderTest) -> set[str]:
    """The definitions of names across clusters that the host has."""
    groups = ("multicluster.x-k8s.io", "externaldns.k8s.io")
    return {name for name in fleet.names(PARIS, "crds") if name.partition(".")[2] in groups}
