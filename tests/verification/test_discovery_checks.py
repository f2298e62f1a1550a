"""What istiods know of clusters, gateways and endpoints: every way in which it can be wrong is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshfleet.verification import FleetView, GatewayView, istiod, istiod_log, read_fleet
from meshfleet.verification.access import istiod_access
from meshfleet.verification.checks import clusters_synced, endpoint_shards, network_gateways
from meshfleet.verification.istiod import KnownCluster, NetworkGateway, Shard
from meshfleet.verification.machine_view import MachineView
from meshfleet.verification.view import AdvertisedView, DeclaredGateway

pytestmark = pytest.mark.proof("discovery across the clusters of a mesh is verified", step=0)

HOST = "istio-eastwestgateway.istio-system.svc.cluster.local"
WEST_GATEWAY = NetworkGateway("net-west", "west", "127.0.0.1", 15443)
EAST_GATEWAY = NetworkGateway("net-east", "east", "127.0.0.2", 15443)


def known(**status: str) -> list[KnownCluster]:
    return [KnownCluster(name, f"istio-system/istio-remote-secret-{name}", state) for name, state in status.items()]


def shard(name: str, endpoints: int = 2, network: str | None = None) -> Shard:
    return Shard(
        name,
        endpoints,
        frozenset({f"net-{name}" if network is None else network}) if endpoints else frozenset(),
    )


def test_a_mesh_whose_clusters_are_all_synced_holds(fleet: FleetView, recorded: Callable[[str], Any]) -> None:
    finding = clusters_synced.judge(fleet, fleet.clusters[0], istiod.known_clusters(recorded("clusterz.json")))
    assert finding.passed
    assert finding.detail == "the istiod of west discovers east synced, west synced"


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (known(west="synced"), "east is missing"),
        (known(west="synced", east="syncing"), "east is syncing"),
        (known(west="synced", east="timeout"), "east is timeout"),
        (known(west="synced", east=""), "east is without a sync status"),
        (known(west="synced", east="synced", solo="synced"), "solo belongs to mesh mesh2, not mesh1"),
        (
            known(west="synced", east="synced", gone="synced"),
            "gone (Secret istio-system/istio-remote-secret-gone) is not",
        ),
        ([], "saw no cluster"),
    ],
)
def test_a_cluster_missing_lagging_or_foreign_is_named(fleet: FleetView, seen: list[KnownCluster], told: str) -> None:
    finding = clusters_synced.judge(fleet, fleet.clusters[0], seen)
    assert not finding.passed
    assert told in finding.detail


GET = 'failed to list *v1.Pod: Get "https://10.0.0.9:6443/api/v1/pods?limit=500": '
LOG = "2026-11-26T00:00:01Z\terror\twatch error in cluster {name}: {words}\n"


@pytest.mark.parametrize(
    ("words", "reported", "advice"),
    [
        (
            f"{GET}tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "x509: certificate signed by unknown authority",
            "clusters.east.discovery.certificateAuthority",
        ),
        (
            f"{GET}x509: certificate is valid for a, not b",
            "valid for a, not b",
            "clusters.east.discovery.tlsServerName",
        ),
        (
            "failed to list *v1.Service: Unauthorized",
            "reports: Unauthorized",
            "increment clusters.east.discovery.token",
        ),
        (
            'failed to list *v1.Node: nodes is forbidden: User "system:serviceaccount:istio-system:r" cannot list',
            "nodes is forbidden",
            "meshfleet up --refresh",
        ),
        (f"{GET}dial tcp: lookup east.example: no such host", "no such host", "clusters.east.discovery.server"),
        (f"{GET}dial tcp 10.0.0.9:6443: i/o timeout", "i/o timeout", "clusters.east.discovery.server"),
        (f"{GET}dial tcp 10.0.0.9:6443: connect: connection refused", "connection refused", "start that cluster"),
        ("the moon is full", "the moon is full", "meshfleet drift"),
    ],
)
def test_a_cluster_that_is_not_read_is_reported_in_its_istiods_words(
    fleet: FleetView, words: str, reported: str, advice: str
) -> None:
    log = (
        LOG.format(name="east", words="older")
        + LOG.format(name="east", words=words)
        + LOG.format(name="we", words="no")
    )
    seen = known(west="synced", east="timeout")
    finding = clusters_synced.judge(fleet, fleet.clusters[0], seen, log)
    assert "east is timeout: its istiod reports: " in finding.detail
    assert reported in finding.detail
    assert advice in finding.detail
    assert "older" not in finding.detail
    assert "https://" not in finding.detail


def test_without_a_word_in_the_log_what_finds_the_cause_is_named(fleet: FleetView) -> None:
    log = LOG.format(name="east-2", words="Unauthorized")
    finding = clusters_synced.judge(fleet, fleet.clusters[0], known(west="synced", east="syncing"), log)
    assert "east is syncing: check that its API server runs, and run meshfleet drift" in finding.detail


def test_the_log_is_that_of_the_istiod_that_answered(status: dict[str, Any], tmp_path: Path) -> None:
    fleet = read_fleet(status, tmp_path, tmp_path)
    assert istiod_access(fleet, fleet.clusters[0]).log(1) == ""
    folder = fleet.workspace().istiod("west", "default")
    folder.mkdir(parents=True)
    (folder / "istiod.log").write_text(LOG.format(name="east", words="Unauthorized"), encoding="utf-8")
    assert "discovery.token" in istiod_log.why(istiod_access(fleet, fleet.clusters[0]).log(1), "east")


def test_a_gateway_into_each_other_network_holds(fleet: FleetView, recorded: Callable[[str], Any]) -> None:
    finding = network_gateways.judge(fleet, fleet.clusters[0], istiod.network_gateways(recorded("networkz.json")))
    assert finding.passed
    assert "net-east at 127.0.0.2:15443" in finding.detail


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ([], "no gateway 127.0.0.2:15443 for network net-east"),
        ([WEST_GATEWAY], "no gateway 127.0.0.2:15443 for network net-east"),
        ([replace(EAST_GATEWAY, address="127.0.0.9")], "knows net-east at 127.0.0.9:15443"),
        ([replace(EAST_GATEWAY, port=443)], "knows net-east at 127.0.0.2:443"),
        ([replace(EAST_GATEWAY, network="net-west")], "no gateway 127.0.0.2:15443 for network net-east"),
        (
            [EAST_GATEWAY, NetworkGateway("net-solo", "solo", "127.0.0.3", 15443)],
            "of solo belongs to mesh mesh2",
        ),
    ],
)
def test_a_gateway_missing_wrong_or_foreign_is_named(fleet: FleetView, seen: list[NetworkGateway], told: str) -> None:
    finding = network_gateways.judge(fleet, fleet.clusters[0], seen)
    assert not finding.passed
    assert told in finding.detail


def test_a_network_whose_gateway_has_no_address_yet_does_not_hold(fleet: FleetView) -> None:
    west, east, solo = fleet.clusters
    fleet = replace(fleet, clusters=(west, replace(east, gateway=None), solo))
    finding = network_gateways.judge(fleet, west, [WEST_GATEWAY])
    assert not finding.passed
    assert "status has no gateway for network net-east" in finding.detail


def test_a_gateway_with_a_host_name_is_compared_by_network_cluster_and_port(fleet: FleetView) -> None:
    west, east, solo = fleet.clusters
    named = replace(fleet, clusters=(west, replace(east, gateway=GatewayView("lb.example")), solo))
    assert network_gateways.judge(named, west, [replace(EAST_GATEWAY, address="192.0.2.7")]).passed
    assert not network_gateways.judge(named, west, [replace(EAST_GATEWAY, port=443)]).passed


def declaring(fleet: FleetView, *gateways: DeclaredGateway) -> FleetView:
    """The fleet, with gateways that the stack declares for networks of its first mesh."""
    first, *others = fleet.meshes
    return replace(fleet, meshes=(replace(first, network_gateways=gateways), *others))


def test_a_gateway_is_looked_for_where_it_is_advertised_to_that_istiod(fleet: FleetView) -> None:
    west, east, solo = fleet.clusters
    advertised = (AdvertisedView("203.0.113.9", 15443, to=("north",)), AdvertisedView("203.0.113.7", 8443))
    gateway = GatewayView("203.0.113.7", 8443, advertised=advertised)
    fleet = replace(fleet, clusters=(west, replace(east, gateway=gateway), solo))
    known = NetworkGateway("net-east", "", "203.0.113.7", 8443)
    assert network_gateways.judge(fleet, west, [known]).passed
    wrong = network_gateways.judge(fleet, west, [replace(known, address="203.0.113.9", port=15443)])
    assert "no gateway 203.0.113.7:8443 for network net-east" in wrong.detail
    both = network_gateways.judge(fleet, west, [known, EAST_GATEWAY])
    assert not both.passed
    assert "of east is the address of its Service, and 203.0.113.7:8443 is advertised in its place" in both.detail


def test_a_declared_gateway_is_requested_and_belongs_to_no_cluster(fleet: FleetView) -> None:
    declared = declaring(fleet, DeclaredGateway("net-east", "203.0.113.7", 443))
    west, known = fleet.clusters[0], NetworkGateway("net-east", "", "203.0.113.7", 443)
    assert network_gateways.judge(declared, west, [EAST_GATEWAY, known]).passed
    for wrong in (
        replace(known, network="net-west"),
        replace(known, port=15443),
        replace(known, address="203.0.113.8"),
        replace(known, cluster="east"),
    ):
        finding = network_gateways.judge(declared, west, [EAST_GATEWAY, wrong])
        assert not finding.passed
        assert "no gateway 203.0.113.7:443 for network net-east, which the stack declares" in finding.detail


def test_a_declared_gateway_whose_name_cannot_be_resolved_is_reported_and_no_fault(fleet: FleetView) -> None:
    declared = declaring(fleet, DeclaredGateway("net-east", "lb.example", 443))
    finding = network_gateways.judge(declared, fleet.clusters[0], [EAST_GATEWAY])
    assert finding.passed
    assert "cannot resolve lb.example:443 for network net-east from this machine" in finding.detail
    resolved = NetworkGateway("net-east", "", "192.0.2.7", 443)
    finding = network_gateways.judge(declared, fleet.clusters[0], [EAST_GATEWAY, resolved])
    assert finding.passed
    assert "cannot resolve" not in finding.detail


def test_declared_gateways_are_read_from_status(status: dict[str, Any], tmp_path: Path) -> None:
    status["meshes"][0]["networkGateways"] = [{"network": "net-east", "address": "203.0.113.7", "port": 443.0}]
    view = read_fleet(status, tmp_path)
    assert view.meshes[0].network_gateways == (DeclaredGateway("net-east", "203.0.113.7", 443),)
    assert view.meshes[1].network_gateways == ()


def test_networks_of_machines_alone_need_the_way_in_and_those_without_a_gateway_are_named(fleet: FleetView) -> None:
    west, _, solo = fleet.clusters
    machines = tuple(MachineView(name, "orders", "west", network=name) for name in ("datacenter", "branch"))
    alone = replace(declaring(fleet, DeclaredGateway("datacenter", "203.0.113.80", 15443)), clusters=(west, solo))
    alone = replace(alone, virtual_machines=machines)
    there = NetworkGateway("datacenter", "", "203.0.113.80", 15443)
    finding = network_gateways.judge(alone, west, [WEST_GATEWAY, there])
    assert finding.passed
    assert "datacenter at 203.0.113.80:15443" in finding.detail
    assert finding.detail.endswith("; no gateway leads into branch")
    missing = network_gateways.judge(alone, west, [there])
    assert not missing.passed
    assert "no gateway 127.0.0.1:15443 for network net-west" in missing.detail


def test_a_name_that_the_fleet_published_and_nobody_resolves_is_reported_and_no_fault(fleet: FleetView) -> None:
    west, east, solo = fleet.clusters
    named = replace(fleet, clusters=(west, replace(east, gateway=GatewayView("lb.example", named=True)), solo))
    finding = network_gateways.judge(named, west, [WEST_GATEWAY])
    assert finding.passed
    assert "cannot resolve lb.example:15443 for network net-east from this machine" in finding.detail
    # What it resolved leads somewhere else.
    assert not network_gateways.judge(named, west, [replace(EAST_GATEWAY, port=443)]).passed
    by_its_cloud = replace(fleet, clusters=(west, replace(east, gateway=GatewayView("lb.example")), solo))
    assert not network_gateways.judge(by_its_cloud, west, [WEST_GATEWAY]).passed


def test_a_mesh_on_one_network_needs_no_gateway(fleet: FleetView) -> None:
    assert network_gateways.judge(fleet, fleet.clusters[2], []).passed


def test_a_stale_gateway_of_a_cluster_that_left_the_fleet_is_no_leak(fleet: FleetView) -> None:
    seen = [EAST_GATEWAY, NetworkGateway("net-gone", "gone", "127.0.0.7", 15443)]
    assert network_gateways.judge(fleet, fleet.clusters[0], seen).passed


def test_a_shard_from_each_cluster_of_the_mesh_holds(fleet: FleetView, recorded: Callable[[str], Any]) -> None:
    shards = istiod.service_shards(recorded("endpointShardz.json"))
    finding = endpoint_shards.judge(fleet, fleet.clusters[0], shards)
    assert finding.passed
    assert finding.detail == f"{HOST}: Kubernetes/east 1, Kubernetes/west 1 endpoints"


@pytest.mark.parametrize(
    ("services", "told"),
    [
        ({}, "has none of istio-eastwestgateway"),
        ({HOST: {}}, "in Kubernetes/west"),
        ({HOST: {"west": shard("west")}}, "no endpoint of istio-eastwestgateway"),
        ({HOST: {"west": shard("west"), "east": shard("east", 0)}}, "in Kubernetes/east"),
        ({HOST: {"west": shard("west"), "east": shard("east", network="")}}, "not net-east"),
        (
            {HOST: {"west": shard("west"), "east": shard("east"), "solo": shard("solo")}},
            "of mesh mesh2, not mesh1",
        ),
        ({"other.default.svc": {"solo": shard("solo")}}, "other.default.svc has a shard Kubernetes/solo"),
    ],
)
def test_a_shard_missing_empty_misplaced_or_foreign_is_named(
    fleet: FleetView, services: dict[str, dict[str, Shard]], told: str
) -> None:
    finding = endpoint_shards.judge(fleet, fleet.clusters[0], services)
    assert not finding.passed
    assert told in finding.detail


def test_without_gateways_the_control_planes_own_service_of_its_revision_is_requested(
    fleet: FleetView,
) -> None:
    west = replace(fleet.clusters[0], control_plane=replace(fleet.clusters[0].control_plane, revision="blue"))
    services = {"istiod-blue.istio-system.svc.cluster.local": {"west": shard("west"), "east": shard("east")}}
    assert endpoint_shards.judge(fleet, west, services).passed


@pytest.fixture
def directed(fleet: FleetView) -> FleetView:
    """West reads east, and east does not read west."""
    west, east, solo = fleet.clusters
    return replace(fleet, clusters=(replace(west, read_by=()), replace(east, read_by=("west",)), solo))


def test_where_discovery_has_a_direction_each_istiod_knows_what_it_reads_and_no_more(directed: FleetView) -> None:
    west, east, _ = directed.clusters
    both, alone = known(west="synced", east="synced"), known(east="synced")
    assert clusters_synced.judge(directed, west, both).passed
    assert "east is missing" in clusters_synced.judge(directed, west, known(west="synced")).detail
    assert clusters_synced.judge(directed, east, alone).passed
    leak = clusters_synced.judge(directed, east, both)
    assert not leak.passed
    assert "west is discovered, but clusters.west.discovery.readBy leaves east out: run meshfleet up" in leak.detail


def test_where_discovery_has_a_direction_gateways_are_needed_into_networks_that_are_read(directed: FleetView) -> None:
    west, east, _ = directed.clusters
    assert network_gateways.judge(directed, west, [EAST_GATEWAY]).passed
    assert not network_gateways.judge(directed, west, [WEST_GATEWAY]).passed
    finding = network_gateways.judge(directed, east, [EAST_GATEWAY])
    assert finding.passed
    assert finding.detail == "mesh mesh1 is discovered on net-east, which needs no gateway"


def test_where_discovery_has_a_direction_shards_are_of_what_is_read_alone(directed: FleetView) -> None:
    west, east, _ = directed.clusters
    both = {HOST: {"west": shard("west"), "east": shard("east")}}
    assert endpoint_shards.judge(directed, west, both).passed
    assert endpoint_shards.judge(directed, east, {HOST: {"east": shard("east")}}).passed
    leak = endpoint_shards.judge(directed, east, both)
    assert not leak.passed
    assert f"{HOST} has a shard Kubernetes/west, which east is not to discover; 1 such shards" in leak.detail
