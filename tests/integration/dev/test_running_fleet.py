"""A fleet that runs: what the command says of it, and that nothing changes when nothing should."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from meshfleet.dataplane.node.node_agent import missing_prerequisite
from meshfleet.testing import FleetUnderTest
from meshfleet.verification.checks import ALL
from tests.integration.dev import CLUSTERS
from tests.verification.checks_by_fleet import OF_ONE_SECTION

pytestmark = pytest.mark.proof("from nothing to one verified mesh over three embedded clusters", step=3)


def test_up_creates_everything_and_a_second_up_changes_nothing(dev_fleet: FleetUnderTest) -> None:
    assert dev_fleet.created is not None
    first = dev_fleet.created.report
    assert first["ok"]
    assert list(first["changes"]) == ["create"]
    second = dev_fleet.sandbox.meshfleet("up", "--stack", "dev", "--json").report
    assert second["ok"]
    assert second["changes"] == {}


def test_verify_runs_every_kind_of_check_on_every_cluster(dev_fleet: FleetUnderTest) -> None:
    report = dev_fleet.sandbox.meshfleet("verify", "--stack", "dev", "--json").report
    assert report["ok"] is True
    asked = {(check["name"], check["cluster"]) for check in report["checks"]}
    # Of other fleets than this one, or of real proxies where there are none.
    elsewhere = OF_ONE_SECTION | {"cluster-identity", "traffic-refused"}
    elsewhere |= {one["name"] for one in report.get("notRun", ())}
    # A question about a whole mesh, put once.
    whole = {(name, cluster) for name, cluster in asked if name == "service-addresses"}
    assert len(whole) == 1
    elsewhere |= {"service-addresses"}
    asked -= whole
    assert asked == {(check.name, cluster) for check in ALL for cluster in CLUSTERS if check.name not in elsewhere}
    assert elsewhere < {check.name for check in ALL}
    assert bool(report.get("notRun")) == bool(missing_prerequisite())
    for check in report["checks"]:
        assert set(check) == {"name", "cluster", "ok", "detail", "seconds"}
        assert check["ok"], check


def test_status_names_every_cluster_its_control_plane_and_its_gateway(dev_fleet: FleetUnderTest) -> None:
    status = dev_fleet.sandbox.meshfleet("status", "--stack", "dev", "--json").report
    assert status["stack"] == "dev"
    assert {"clusters", "meshes", "virtualMachines"} < set(status)
    assert {cluster["name"]: cluster["role"] for cluster in status["clusters"]} == {
        "host": "host",
        "west": "member",
        "east": "member",
    }
    for cluster in status["clusters"]:
        wanted = {"name", "role", "network", "region", "zone", "kubeconfig", "controlPlane", "gateway"}
        assert wanted <= set(cluster)
        assert set(cluster["controlPlane"]) >= {"kind", "of", "revision", "debugUrl"}
        assert cluster["controlPlane"]["debugUrl"].startswith("http://127.0.0.1:")
        assert set(cluster["gateway"]) == {"address", "port", "istiodPort", "network", "named", "advertised"}
        kubeconfig = Path(cluster["kubeconfig"])
        assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
        assert stat.S_IMODE(kubeconfig.parent.stat().st_mode) == 0o700
    assert len({cluster["gateway"]["address"] for cluster in status["clusters"]}) == len(CLUSTERS)


def test_preview_of_a_fleet_that_is_up_expects_no_changes(dev_fleet: FleetUnderTest) -> None:
    preview = dev_fleet.sandbox.meshfleet("preview", "--stack", "dev", "--expect-no-changes", "--json").report
    assert preview["changes"] == []


def test_an_unchanged_fleet_has_no_drift(dev_fleet: FleetUnderTest) -> None:
    drift = dev_fleet.sandbox.meshfleet("drift", "--stack", "dev", "--json").report
    assert drift["ok"] is True
    assert drift["drift"] == []


def test_every_kubeconfig_that_status_names_reaches_its_own_cluster(dev_fleet: FleetUnderTest) -> None:
    dev_fleet.sandbox.meshfleet("status", "--stack", "dev", "--json")
    for cluster in CLUSTERS:
        nodes = dev_fleet.sandbox.get("dev", cluster, "nodes")["items"]
        assert {node["metadata"]["name"].rpartition("-")[0] for node in nodes} == {cluster}
