"""Failover on real clusters, with requests counted: a share moves, comes back, and the host itself is lost for good.

The propagated Deployment has the image of Istio's echo server, which the nodes of these clusters run, so that its pods
answer real requests through real proxies. A client in another cluster asks 50 times a second.
"""

from __future__ import annotations

import copy
import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from meshfleet.testing import FleetUnderTest, Sender, bring_up, kill, settled
from meshfleet.verification.steady_requests import SteadyRequests
from tests.integration.clone import Clone
from tests.integration.failing_over import AFTER, CLUSTERS, ORDERS, STACK, WEB, settings, stack, watched
from tests.integration.losing import lose

pytestmark = [pytest.mark.extended, pytest.mark.root("real requests")]

Record = Callable[[str, object], None]

OURS = "app.kubernetes.io/managed-by=meshfleet"


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """The stack, which the tests change one after the other."""
    return stack()


@pytest.fixture(scope="module")
def fleet(clone: Clone, config: dict[str, Any]) -> Iterator[FleetUnderTest]:
    clone.write_stack(STACK, config)
    with clone.sandbox() as sandbox, bring_up(sandbox, STACK) as made:
        yield made


def held(fleet: FleetUnderTest, cluster: str) -> dict[tuple[str, str], str]:
    """What a member has in the namespace of the application: the version of what is declared, by kind and name."""
    kinds = "deployments,services,configmaps,serviceaccounts"
    found = fleet.get(cluster, kinds, "--namespace", "shop", "--selector", OURS)["items"]
    return {
        (one["kind"], one["metadata"]["name"]): str(
            one["metadata"]["generation" if one["kind"] == "Deployment" else "resourceVersion"]
        )
        for one in found
    }


def runs_orders(fleet: FleetUnderTest, cluster: str) -> bool:
    return ("Deployment", "orders") in held(fleet, cluster)


def placed(fleet: FleetUnderTest) -> dict[str, Any]:
    """What `placement` says of `orders`."""
    (found,) = [one for one in fleet.run("placement").report["objects"] if one["kind"] == "Deployment"]
    return dict(found)


def planned(fleet: FleetUnderTest) -> dict[str, str]:
    """What plain `pulumi preview` would do, by the name of the resource."""
    command = ["pulumi", "preview", "--stack", fleet.stack, "--json", "--non-interactive"]
    report = fleet.sandbox.run(command, more=fleet.sandbox.exports()).report
    return {one["urn"].rpartition("::")[2]: one["op"] for one in report["steps"] if one["op"] != "same"}


def told(what: str, steady: SteadyRequests, record: Record) -> None:
    record(f"{what}: requests", len(steady.requests))
    record(f"{what}: failed", len(steady.failed))
    record(f"{what}: longest gap in seconds", round(steady.longest_gap, 2))


@pytest.mark.proof("the share of a lost cluster moves, and comes back without a lost request", step=4)
def test_a_lost_share_is_served_elsewhere_and_comes_back_by_rule(
    fleet: FleetUnderTest, record_testsuite_property: Record
) -> None:
    web = Sender(fleet, "paris", WEB)
    assert web.is_answered_by(ORDERS, "dublin")
    with watched(fleet) as watching, web.send_steadily(ORDERS) as steady:
        assert settled(lambda: steady.clusters()["dublin"] >= 50, 20)
        lost = steady.elapsed
        lose(fleet, "dublin")
        watching.wait_for(lambda heard: any("ohio gains Deployment orders" in line for line in heard))
        record_testsuite_property("failover: seconds from loss to ready elsewhere", round(steady.elapsed - lost, 1))
        assert web.is_answered_by(ORDERS, "ohio")
        moved = steady.elapsed
        assert any("stays in dublin, pending until it responds" in line for line in watching.lines), watching.text
        first = min(one.answered for one in steady.requests if one.reply.cluster == "ohio")
        assert first - lost >= AFTER
        record_testsuite_property("failover: seconds from loss to the first answer", round(first - lost, 1))
        told("failover", steady.since(lost), record_testsuite_property)

        there = placed(fleet)
        assert there["clusters"] == {"ohio": {"replicas": 2}}
        assert there["leftOut"]["dublin"].startswith("its share is elsewhere, no response since ")
        # Plain Pulumi keeps the eviction as well, and would remove what is left in the lost cluster.
        deployments = {name: op for name, op in planned(fleet).items() if name.endswith("-deployment-shop-orders")}
        assert deployments == {"dublin/propagation-orders-deployment-shop-orders": "delete"}
        # It starts the lost cluster again, keeps the eviction, and removes what was left there.
        assert fleet.up()["evicted"][0].startswith("orders: its share of dublin is elsewhere")
        watching.wait_for(lambda heard: any("dublin gains Deployment orders" in line for line in heard), 400)
        assert web.is_answered_by(ORDERS, "dublin")
        assert settled(lambda: not runs_orders(fleet, "ohio"), 60)
        back = steady.elapsed
        assert settled(lambda: steady.elapsed > back + 10, 30)
    assert placed(fleet)["clusters"] == {"dublin": {"replicas": 2}}
    returning = steady.since(moved + 5)
    told("failover, coming back", returning, record_testsuite_property)
    assert returning.faults() == {}
    assert fleet.preview() == []


@pytest.mark.proof("a member that does not respond keeps its share pending by name, the others complete", step=2)
def test_a_member_that_hangs_during_up_is_named_and_the_next_up_completes_it(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any]
) -> None:
    server = fleet.sandbox.program(fleet.name, "clusters/ohio", "kube-apiserver")
    config["propagations"]["everywhere"]["resources"][1] = {"object": settings("CAD")}
    clone.write_stack(STACK, config)
    kill(server, signal.SIGSTOP)
    try:
        failed = fleet.run("up", expect=1)
    finally:
        server.resume()
    assert "ohio: propagation-everywhere-configmap-shop-settings: " in failed.err
    assert "does not respond" in failed.err
    data = {one: fleet.get(one, "configmap", "settings", "-n", "shop")["data"]["currency"] for one in CLUSTERS}
    assert data == {"paris": "CAD", "dublin": "CAD", "ohio": "EUR"}
    fleet.up()
    assert fleet.get("ohio", "configmap", "settings", "-n", "shop")["data"]["currency"] == "CAD"
    assert fleet.preview() == []


@pytest.mark.proof("with the host dead for good another cluster becomes the host, and no request is lost", step=4)
def test_another_cluster_becomes_the_host_while_members_serve(
    clone: Clone, fleet: FleetUnderTest, config: dict[str, Any], record_testsuite_property: Record
) -> None:
    members = ("dublin", "ohio")
    web = Sender(fleet, "ohio", WEB)
    assert web.is_answered_by(ORDERS, "dublin")
    before = {cluster: held(fleet, cluster) for cluster in members}
    with web.send_steadily(ORDERS) as steady:
        assert settled(lambda: steady.clusters()["dublin"] >= 50, 20)
        lose(fleet, "paris")
        without = copy.deepcopy(config)
        del without["clusters"]["paris"], without["networks"]["network-paris"]
        without["meshes"]["shop"]["settings"]["locality"]["failover"].pop(0)
        clone.write_stack(STACK, without)
        refused = fleet.run("up", "--forget", "paris", expect=2)
        assert refused.report["faults"][0]["message"].startswith("no cluster is named 'paris'")
        done = fleet.run("up", "--forget", "paris", "--host", "dublin")
        assert "write `meshfleet:host: dublin` into" in done.err
        assert list(done.report["forgotten"]) == ["paris"]
        elapsed = steady.elapsed
        assert settled(lambda: steady.elapsed > elapsed + 5, 20)
    told("the host lost", steady, record_testsuite_property)
    assert steady.faults() == {}
    assert {cluster: held(fleet, cluster) for cluster in members} == before

    without["host"] = "dublin"
    clone.write_stack(STACK, without)
    assert fleet.preview() == []
    without["propagations"]["everywhere"]["resources"][1] = {"object": settings("JPY")}
    clone.write_stack(STACK, without)
    fleet.up()
    data = {one: fleet.get(one, "configmap", "settings", "-n", "shop")["data"]["currency"] for one in members}
    assert data == dict.fromkeys(members, "JPY")
    roles = {one["name"]: one["role"] for one in json.loads(json.dumps(fleet.status["clusters"]))}
    assert roles == {"dublin": "host", "ohio": "member"}
    fleet.verify()
