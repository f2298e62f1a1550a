"""Requests through real proxies: who answered, who was seen, what went over the wire; or why nobody was asked."""

from __future__ import annotations

import re
from typing import Any

import pytest

from meshfleet.dataplane.network.namespaces import path_of
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.node.node_agent import missing_prerequisite
from meshfleet.testing import FleetUnderTest
from meshfleet.toolchain import Toolchain
from meshfleet.verification.checks.traffic import REQUESTS
from meshfleet.verification.traffic import Target, send
from meshfleet.workspace.home import Workspace
from tests.integration.dev import CLUSTERS

VERIFY = ("verify", "--stack", "dev", "--json")
BY_PROXIES = ("proxies-synced", "traffic-plaintext", "traffic-reach", "traffic-wire")
HOST = "echo.sample.svc.cluster.local"

rooted = pytest.mark.root("pods that are processes")


def details(report: dict[str, Any], check: str) -> dict[str, str]:
    """What a check saw, by cluster."""
    return {one["cluster"]: one["detail"] for one in report["checks"] if one["name"] == check}


@pytest.fixture(scope="module")
def report(dev_fleet: FleetUnderTest) -> dict[str, Any]:
    return dev_fleet.sandbox.meshfleet(*VERIFY).report


@rooted
@pytest.mark.proof("verification by traffic, with counts", step=4)
def test_200_requests_from_each_cluster_reach_every_cluster_and_none_is_lost(report: dict[str, Any]) -> None:
    found = details(report, "traffic-reach")
    assert set(found) == set(CLUSTERS)
    for detail in found.values():
        counts = {name: int(count) for name, count in re.findall(r"(\w+) (\d+)", detail.removeprefix(f"{HOST}: "))}
        assert set(counts) == set(CLUSTERS)
        assert sum(counts.values()) == REQUESTS


@rooted
@pytest.mark.proof("between networks all is mutual TLS, to gateways alone", step=4)
def test_on_the_wire_there_is_tls_to_the_ports_of_gateways_alone(report: dict[str, Any]) -> None:
    for detail in details(report, "traffic-wire").values():
        ends = re.findall(r"(\w+) (198\.18\.\d+\.\d+):(\d+) \d+", detail)
        assert {port for _, _, port in ends} == {"15443"}
        assert {name for name, _, _ in ends} <= set(CLUSTERS)
    assert set(details(report, "traffic-plaintext")) == set(CLUSTERS)


@rooted
@pytest.mark.proof("the caller is known by its SPIFFE identity across clusters", step=4)
def test_the_application_of_another_cluster_sees_who_calls(dev_fleet: FleetUnderTest) -> None:
    sandbox = dev_fleet.sandbox
    sandbox.meshfleet("status", "--stack", "dev", "--json")
    place = Place.of(Workspace("dev", sandbox.home))
    (pod,) = sandbox.get("dev", "west", "pods", "-n", "sample", "-l", "app=echo")["items"]
    address = sandbox.get("dev", "west", "service", "echo", "-n", "sample")["spec"]["clusterIP"]
    replies = send(place.pod("west", pod["metadata"]["uid"]), Target(address, 80, HOST), 60, 10)
    assert {reply.cluster for reply in replies} == set(CLUSTERS)
    assert {reply.peer for reply in replies} == {"spiffe://cluster.local/ns/sample/sa/echo"}


@rooted
@pytest.mark.proof("requests of gRPC go from proxy to proxy as those of HTTP do", step=4)
def test_calls_of_grpc_over_one_connection_reach_every_cluster(dev_fleet: FleetUnderTest, toolchain: Toolchain) -> None:
    sandbox = dev_fleet.sandbox
    sandbox.meshfleet("status", "--stack", "dev", "--json")
    place = Place.of(Workspace("dev", sandbox.home))
    (pod,) = sandbox.get("dev", "west", "pods", "-n", "sample", "-l", "app=echo")["items"]
    address = sandbox.get("dev", "west", "service", "echo", "-n", "sample")["spec"]["clusterIP"]
    enter = ["nsenter", f"--net={path_of(place.pod('west', pod['metadata']['uid']))}"]
    client = [str(toolchain.bin / "echo-client"), "--count", "60", f"grpc://{address}:7070"]
    said = sandbox.run([*enter, *client]).out
    assert set(re.findall(r"Cluster=(\w+)", said)) == set(CLUSTERS)
    assert len(re.findall(r"StatusCode=200", said)) == 60


@pytest.mark.proof("without root the fleet comes up, and verify says what it did not ask", step=3)
def test_checks_that_take_real_proxies_run_or_are_listed_with_the_reason(report: dict[str, Any]) -> None:
    asked = {(one["name"], one["cluster"]) for one in report["checks"]}
    listed = {(one["name"], one["cluster"]): one["reason"] for one in report.get("notRun", ())}
    wanted = {(check, cluster) for check in BY_PROXIES for cluster in CLUSTERS}
    reason = missing_prerequisite()
    if reason:
        assert wanted <= set(listed)
        assert not wanted & asked
        assert all(reason in one for one in listed.values())
    else:
        assert wanted <= asked
        assert not listed
