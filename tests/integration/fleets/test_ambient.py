"""Ambient mode on several networks, as far as it goes without ztunnel: what the istiods would hand to it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.integration.clone import Clone
from tests.integration.world import World, make_world, settled

STACK = "ambient"
CLUSTERS = ("west", "east")

pytestmark = pytest.mark.proof("ambient mode on several networks, up to its control planes", step=3)


@dataclass(frozen=True)
class Ambient:
    """The fleet and its status."""

    world: World
    status: dict[str, Any]

    def debug(self, cluster: str, page: str) -> Any:
        """A page of the debug API of a cluster's istiod."""
        url = self.entry(cluster)["controlPlane"]["debugUrl"]
        return httpx2.get(f"{url}/debug/{page}", timeout=10, trust_env=False).raise_for_status().json()

    def entry(self, cluster: str) -> dict[str, Any]:
        """What status says of a cluster."""
        return next(entry for entry in self.status["clusters"] if entry["name"] == cluster)

    def workloads(self, cluster: str) -> list[dict[str, Any]]:
        """Every workload that the istiod of a cluster would tell its ztunnels of."""
        return list(self.debug(cluster, "ambientz")["workloads"])


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Ambient]:
    with make_world(clone) as world:
        world.meshfleet("up", "--stack", f"examples/{STACK}", "--json")
        yield Ambient(world, world.meshfleet("status", "--stack", f"examples/{STACK}", "--json").answer)
        world.meshfleet("destroy", "--stack", f"examples/{STACK}", "--yes")
        assert world.remains(STACK) == []


def test_every_check_holds_and_nothing_is_left_to_do(fleet: Ambient) -> None:
    report = fleet.world.meshfleet("verify", "--stack", f"examples/{STACK}", "--json").answer
    assert report["ok"], report
    assert {"ambient-workloads", "network-gateways", "istioctl-analyze"} <= {
        check["name"] for check in report["checks"]
    }
    assert not {check["name"] for check in report["checks"]} & {"injection"}
    preview = fleet.world.meshfleet("preview", "--stack", f"examples/{STACK}", "--expect-no-changes", "--json").answer
    assert preview["changes"] == []


@pytest.mark.parametrize(("cluster", "other"), [CLUSTERS, CLUSTERS[::-1]])
def test_a_ztunnel_would_reach_what_is_global_through_the_gateway_of_the_other_network(
    fleet: Ambient, cluster: str, other: str
) -> None:
    address = fleet.entry(other)["gateway"]["address"]
    assert fleet.entry(other)["gateway"]["port"] == 15008
    gateways = fleet.debug(cluster, "networkz")
    assert {(gateway["Cluster"], gateway["HBONEPort"]) for gateway in gateways} == {("west", 15008), ("east", 15008)}
    crossing = [one for one in fleet.workloads(cluster) if "SplitHorizonWorkload" in one["uid"]]
    assert [one["clusterId"] for one in crossing] == [other]
    assert set(crossing[0]["services"]) == {"shop/waypoint.shop.svc.cluster.local"}
    way = crossing[0]["networkGateway"]
    assert (base64.b64decode(way["address"]["address"]).decode(), way["hboneMtlsPort"]) == (address, 15008)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_service_is_balanced_over_both_clusters_only_where_its_namespace_is_global(
    fleet: Ambient, cluster: str
) -> None:
    world = fleet.world
    for name in CLUSTERS:
        for namespace in ("shop", "private"):
            world.kubectl(STACK, name, "create", "namespace", namespace, expect=None)
            world.kubectl(
                STACK, name, "--namespace", namespace, "create", "deployment", "web", "--image=a/b", expect=None
            )
            expose = ("expose", "deployment", "web", "--port=80")
            world.kubectl(STACK, name, "--namespace", namespace, *expose, expect=None)

    def networks(host: str) -> set[str]:
        answer = fleet.debug(cluster, "ambientz")["services"]
        found = [service["addresses"] for service in answer if service["hostname"] == host]
        return {address["network"] for addresses in found for address in addresses}

    both = {f"network-{name}" for name in CLUSTERS}
    assert settled(lambda: networks("web.shop.svc.cluster.local") == both, 60)
    assert settled(lambda: networks("web.private.svc.cluster.local") == {f"network-{cluster}"}, 60)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_pods_of_the_namespace_are_not_injected_and_have_a_waypoint(fleet: Ambient, cluster: str) -> None:
    labels = fleet.world.get(STACK, cluster, "namespace", "shop")["metadata"]["labels"]
    assert labels["istio.io/dataplane-mode"] == "ambient"
    assert labels["istio.io/use-waypoint"] == "waypoint"
    pods = fleet.world.get(STACK, cluster, "pods", "--namespace", "shop")["items"]
    assert [pod for pod in pods if pod["metadata"]["name"].startswith("waypoint-")]
    web = [pod for pod in pods if pod["metadata"]["name"].startswith("web-")]
    assert all(len(pod["spec"]["containers"]) == 1 for pod in web)
    for agent in ("ztunnel", "istio-cni-node"):
        status = fleet.world.get(STACK, cluster, "daemonset", agent, "--namespace", "istio-system")["status"]
        assert status["numberReady"] == 1
