"""Ambient mode on several networks, as far as it goes without ztunnel: what the istiods would hand to it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from meshfleet.testing import FleetUnderTest, bring_up, settled
from tests.integration.clone import Clone

STACK = "examples/ambient"
CLUSTERS = ("west", "east")

pytestmark = pytest.mark.proof("ambient mode on several networks, up to its control planes", step=3)


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[FleetUnderTest]:
    with clone.sandbox() as sandbox, bring_up(sandbox, STACK) as made:
        yield made


def workloads(fleet: FleetUnderTest, cluster: str) -> list[dict[str, Any]]:
    """Every workload that the istiod of a cluster would send to its ztunnels."""
    return list(fleet.istiod(cluster).page("ambientz")["workloads"])


def test_every_check_holds_and_nothing_is_left_to_do(fleet: FleetUnderTest) -> None:
    checks = fleet.verify().keys()
    assert {"ambient-workloads", "network-gateways", "istioctl-analyze"} <= checks
    assert "injection" not in checks
    assert fleet.preview() == []


@pytest.mark.parametrize(("cluster", "other"), [CLUSTERS, CLUSTERS[::-1]])
def test_a_ztunnel_would_reach_what_is_global_through_the_gateway_of_the_other_network(
    fleet: FleetUnderTest, cluster: str, other: str
) -> None:
    address = fleet.cluster(other)["gateway"]["address"]
    assert fleet.cluster(other)["gateway"]["port"] == 15008
    gateways = fleet.istiod(cluster).page("networkz")
    assert {(gateway["Cluster"], gateway["HBONEPort"]) for gateway in gateways} == {("west", 15008), ("east", 15008)}
    crossing = [one for one in workloads(fleet, cluster) if "SplitHorizonWorkload" in one["uid"]]
    assert [one["clusterId"] for one in crossing] == [other]
    assert set(crossing[0]["services"]) == {"shop/waypoint.shop.svc.cluster.local"}
    way = crossing[0]["networkGateway"]
    assert (base64.b64decode(way["address"]["address"]).decode(), way["hboneMtlsPort"]) == (address, 15008)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_service_is_balanced_over_both_clusters_only_where_its_namespace_is_global(
    fleet: FleetUnderTest, cluster: str
) -> None:
    sandbox = fleet.sandbox
    for name in CLUSTERS:
        for namespace in ("shop", "private"):
            sandbox.kubectl(STACK, name, "create", "namespace", namespace, expect=None)
            sandbox.kubectl(
                STACK, name, "--namespace", namespace, "create", "deployment", "web", "--image=a/b", expect=None
            )
            expose = ("expose", "deployment", "web", "--port=80")
            sandbox.kubectl(STACK, name, "--namespace", namespace, *expose, expect=None)

    def networks(host: str) -> set[str]:
        answer = fleet.istiod(cluster).page("ambientz")["services"]
        found = [service["addresses"] for service in answer if service["hostname"] == host]
        return {address["network"] for addresses in found for address in addresses}

    both = {f"network-{name}" for name in CLUSTERS}
    assert settled(lambda: networks("web.shop.svc.cluster.local") == both, 60)
    assert settled(lambda: networks("web.private.svc.cluster.local") == {f"network-{cluster}"}, 60)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_pods_of_the_namespace_are_not_injected_and_have_a_waypoint(fleet: FleetUnderTest, cluster: str) -> None:
    labels = fleet.get(cluster, "namespace", "shop")["metadata"]["labels"]
    assert labels["istio.io/dataplane-mode"] == "ambient"
    assert labels["istio.io/use-waypoint"] == "waypoint"
    pods = fleet.get(cluster, "pods", "--namespace", "shop")["items"]
    assert [pod for pod in pods if pod["metadata"]["name"].startswith("waypoint-")]
    web = [pod for pod in pods if pod["metadata"]["name"].startswith("web-")]
    assert all(len(pod["spec"]["containers"]) == 1 for pod in web)
    for agent in ("ztunnel", "istio-cni-node"):
        status = fleet.get(cluster, "daemonset", agent, "--namespace", "istio-system")["status"]
        assert status["numberReady"] == 1
