"""Local services: the caller's cluster alone answers, and what is not selected is in no proxy and has no name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import dns.message
import dns.query
import dns.rdatatype
import httpx2
import pytest

from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.router import ROUTER
from meshfleet.testing import FleetUnderTest, Sender, answered, settled
from tests.integration.clone import Clone
from tests.integration.use_cases.pages import assert_prints_what_the_page_shows
from tests.integration.use_cases.sending import sending

pytestmark = [
    pytest.mark.proof("services stay in their cluster, and namespaces out of the mesh, where declared", step=4),
    pytest.mark.root("real requests"),
]

CLUSTERS = ("west", "east")
CATALOG, METRICS = "shop/catalog", "monitoring/metrics"
LEGACY = "orders.legacy.svc.cluster.local"


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[FleetUnderTest]:
    with sending(clone, "local-services") as running:
        yield running


def test_verify_prints_what_the_page_shows(fleet: FleetUnderTest) -> None:
    assert_prints_what_the_page_shows(fleet)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_its_own_cluster_answers_for_a_local_service_and_both_for_another(fleet: FleetUnderTest, cluster: str) -> None:
    sender = Sender(fleet, cluster, CATALOG)
    assert answered(sender.send(METRICS)) == {cluster: 200}
    counted = answered(sender.send(CATALOG))
    assert counted.keys() == set(CLUSTERS)
    assert counted.total() == 200


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_workload_is_in_the_proxies_of_the_namespaces_it_is_exported_to(fleet: FleetUnderTest, cluster: str) -> None:
    assert "catalog.shop.svc.cluster.local" in clusters_of_proxy(fleet, cluster, CATALOG)
    known = clusters_of_proxy(fleet, cluster, METRICS)
    assert "metrics.monitoring.svc.cluster.local" in known
    assert "catalog.shop.svc.cluster.local" not in known


def test_a_namespace_is_discovered_while_it_is_selected_and_declared_ones_go_on(fleet: FleetUnderTest) -> None:
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "legacy"}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "orders", "namespace": "legacy"},
            "spec": {"ports": [{"name": "http", "port": 80}], "selector": {"app": "orders"}},
        },
    ]
    file = fleet.sandbox.folder / "legacy.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}), encoding="utf-8")
    fleet.kubectl("east", "apply", "-f", str(file))
    label = ("label", "namespace", "legacy", "--overwrite")

    # Each cluster discovers both: that of west knows the Service of east when it is selected, and not before.
    assert not any(known_to_proxies(fleet, cluster) for cluster in CLUSTERS)
    fleet.kubectl("east", *label, "istio-discovery=enabled")
    assert settled(lambda: all(known_to_proxies(fleet, cluster) for cluster in CLUSTERS), 20)
    # It is in east alone, and so is its address.
    address = fleet.get("east", "service", "orders", "--namespace", "legacy")["spec"]["clusterIP"]
    assert settled(lambda: all(resolved(fleet, cluster, LEGACY) == {address} for cluster in CLUSTERS), 20)
    fleet.kubectl("east", *label, "istio-discovery=no")
    assert settled(lambda: not any(known_to_proxies(fleet, cluster) for cluster in CLUSTERS), 20)
    assert settled(lambda: not any(resolved(fleet, cluster, LEGACY) for cluster in CLUSTERS), 20)

    sender = Sender(fleet, "west", CATALOG)
    assert sender.is_answered_by(METRICS, "west")
    assert sender.is_answered_by(CATALOG, *CLUSTERS)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_sidecar_answers_dns_queries_with_the_address_in_its_own_cluster(fleet: FleetUnderTest, cluster: str) -> None:
    for name, namespace in (("catalog", "shop"), ("metrics", "monitoring")):
        address = fleet.get(cluster, "service", name, "--namespace", namespace)["spec"]["clusterIP"]
        assert resolved(fleet, cluster, f"{name}.{namespace}.svc.cluster.local") == {address}
    # Not exported to the namespace of the caller.
    assert resolved(fleet, cluster, "catalog.shop.svc.cluster.local", caller=METRICS) == set()


def test_a_headless_service_has_the_addresses_of_the_caller_s_network(fleet: FleetUnderTest) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "metrics-pods", "namespace": "monitoring"},
        "spec": {"clusterIP": "None", "ports": [{"name": "http", "port": 8080}], "selector": {"app": "metrics"}},
    }
    file = fleet.sandbox.folder / "headless.json"
    file.write_text(json.dumps(service), encoding="utf-8")
    for cluster in CLUSTERS:
        fleet.kubectl(cluster, "apply", "-f", str(file))
    for cluster in CLUSTERS:
        pods = {pod["status"]["podIP"] for pod in fleet.ready_pods(cluster, METRICS)}
        assert settled(lambda: resolved(fleet, cluster, "metrics-pods.monitoring.svc.cluster.local") == pods, 20)  # noqa: B023 - called within the loop
    for cluster in CLUSTERS:
        fleet.kubectl(cluster, "delete", "-f", str(file))


def test_a_mesh_configuration_changed_by_hand_is_reported(fleet: FleetUnderTest) -> None:
    found = fleet.get("west", "configmap", "istio", "--namespace", "istio-system")["data"]["mesh"]
    changed = found.replace("*.monitoring.svc", "*.elsewhere.svc")
    assert changed != found
    sender = Sender(fleet, "west", CATALOG)
    try:
        write_mesh(fleet, changed)
        # A running istiod takes it up.
        assert sender.is_answered_by(METRICS, *CLUSTERS)
        failed = fleet.failed_checks("--seconds", "1", "--check", "mesh-config", "--check", "traffic-reach")
        assert "serviceSettings[0].hosts[0]" in failed["mesh-config of west"]
        assert "unexpected response from east" in failed["traffic-reach of west"]
    finally:
        write_mesh(fleet, found)
    assert sender.is_answered_by(METRICS, "west")
    fleet.run("verify", "--check", "mesh-config")


def resolved(fleet: FleetUnderTest, cluster: str, host: str, caller: str = CATALOG) -> set[str]:
    """The addresses that a pod of a workload gets for a host name from the name server in its /etc/resolv.conf."""
    query = dns.message.make_query(host, dns.rdatatype.A)
    namespace = Sender(fleet, cluster, caller).network_namespace
    answer = namespaces.inside(namespace, lambda: dns.query.udp(query, ROUTER, timeout=10))
    return {item.to_text() for records in answer.answer for item in records}


def known_to_proxies(fleet: FleetUnderTest, cluster: str) -> bool:
    """Whether a proxy of a cluster has the Service of the namespace that no field declares."""
    seen = clusters_of_proxy(fleet, cluster, METRICS)
    assert "metrics.monitoring.svc.cluster.local" in seen
    return LEGACY in seen


def clusters_of_proxy(fleet: FleetUnderTest, cluster: str, workload: str) -> set[str]:
    """The hosts that the Envoy of a workload's pod has a cluster for at port 80, by its admin API."""

    def read() -> str:
        return httpx2.get("http://127.0.0.1:15000/clusters", timeout=10, trust_env=False).raise_for_status().text

    text = namespaces.inside(Sender(fleet, cluster, workload).network_namespace, read)
    return set(re.findall(r"^outbound\|80\|\|([^:]+)::", text, re.MULTILINE))


def write_mesh(fleet: FleetUnderTest, mesh: str) -> None:
    """Replace the mesh configuration that the istiod of `west` reads."""
    patch = json.dumps({"data": {"mesh": mesh}})
    fleet.kubectl("west", "patch", "configmap", "istio", "--namespace", "istio-system", "--type=merge", "-p", patch)
