"""Clusters move between networks in stages, in each of which every pod is reached: directly, or through a gateway."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.automation.state.deployment import deployed_fleet
from meshfleet.rollout.deployed import Deployed, DeployedNetwork
from meshfleet.rollout.network_moves import gateways_during
from meshfleet.rollout.stages import AS_DEPLOYED, Stage, stages
from meshfleet.rollout.transitions import transitions
from meshfleet.topology import Fleet, load
from tests.examples import up_to

pytestmark = pytest.mark.proof(
    "what proxies read at their start takes effect in running pods, without a lost request", step=0
)

NAMES = ("a", "b", "c", "d", "e")
NETWORKS = ("one", "two", "three")


def fleet_on(networks: dict[str, str], **fields: Any) -> Fleet:
    config = {
        "host": next(iter(networks)),
        "networks": {name: {} for name in sorted(set(networks.values()))},
        "clusters": {name: {"embedded": {}, "network": network} | fields for name, network in networks.items()},
    }
    return load("moves", config)


def deployed(networks: dict[str, str], begun: dict[str, str] | None = None, **gateways: str) -> Deployed:
    known = {
        name: DeployedNetwork(network, (begun or networks).get(name, network), gateways.get(name, ""))
        for name, network in networks.items()
    }
    return Deployed(networks=known)


def shown(way: tuple[Stage, ...]) -> list[tuple[dict[str, str], dict[str, str], tuple[str, ...]]]:
    """Each stage: the network of each cluster, that of each gateway, and what must hold before."""
    return [
        (
            {name: cluster.network for name, cluster in stage.fleet.clusters.items()},
            {name: stage.fleet.gateway_network(name) for name in NAMES if _opens(stage.fleet, name)},
            stage.preconditions,
        )
        for stage in way
    ]


def _opens(fleet: Fleet, name: str) -> bool:
    return name in fleet.clusters and fleet.is_network_gateway(name)


def test_a_cluster_of_a_shared_network_gets_its_gateway_before_its_pods_move() -> None:
    target = fleet_on({"a": "one", "b": "two"})
    way = stages(deployed({"a": "one", "b": "one"}), target)
    both = {"a": "one", "b": "two"}
    assert shown(way) == [
        ({"a": "one", "b": "one"}, both, ()),
        ({"a": "one", "b": "two"}, both, ("network-gateways", "gateways-ready")),
    ]
    assert way[-1].fleet == target


def test_a_cluster_that_comes_to_a_network_keeps_its_gateway_until_no_pod_is_left() -> None:
    target = fleet_on({"a": "one", "b": "one"})
    way = stages(deployed({"a": "one", "b": "two"}), target)
    both = {"a": "one", "b": "two"}
    assert shown(way) == [
        ({"a": "one", "b": "two"}, both, ()),
        ({"a": "one", "b": "one"}, both, ("network-gateways", "gateways-ready")),
        ({"a": "one", "b": "one"}, {}, ("pods-as-declared",)),
    ]
    assert way[-1].fleet == target


def test_nothing_moves_where_nothing_differs() -> None:
    target = fleet_on({"a": "one", "b": "two"})
    assert stages(deployed({"a": "one", "b": "two"}), target) == (Stage("", target),)


def test_a_new_cluster_is_on_its_network_from_the_start() -> None:
    target = fleet_on({"a": "one", "b": "two"})
    assert stages(deployed({"a": "one"}), target) == (Stage("", target),)


def test_a_move_that_was_interrupted_goes_on_where_pods_may_be_on_either_network() -> None:
    target = fleet_on({"a": "one", "b": "two"})
    way = stages(deployed({"a": "one", "b": "one"}, begun={"b": "two"}), target)
    assert shown(way) == [({"a": "one", "b": "two"}, {"a": "one", "b": "two"}, ())]


def test_an_interrupted_move_is_ended_before_another_one_begins() -> None:
    target = fleet_on({"a": "one", "b": "three", "c": "three"})
    way = stages(deployed({"a": "one", "b": "one", "c": "three"}, begun={"b": "two"}), target)
    assert next(networks["b"] for networks, _, _ in shown(way)) == "two"
    assert way[-1].fleet == target


def test_gateways_that_are_not_as_declared_stay_until_no_old_pod_is_left() -> None:
    target = fleet_on({"a": "one", "b": "one"})
    way = stages(deployed({"a": "one", "b": "one"}, a="one", b="two"), target)
    assert [stage.name for stage in way] == [AS_DEPLOYED, "gateways as declared after b moved"]
    assert way[0].fleet.gateway_network("b") == "two"
    assert (way[1].fleet, way[1].preconditions) == (target, ("pods-as-declared",))


def test_a_mesh_of_one_cluster_needs_no_gateway_to_rename_its_network() -> None:
    target = fleet_on({"a": "two"})
    (stage,) = stages(deployed({"a": "one"}), target)
    assert stage.fleet == target


def described(networks: dict[str, str]) -> dict[str, Any]:
    return {"clusters": [{"name": name, "network": network} for name, network in networks.items()]}


def test_a_move_that_leaves_a_network_without_a_gateway_is_refused() -> None:
    target = fleet_on({"a": "one", "b": "three"})
    (fault,) = transitions(deployed_fleet(described({"a": "one", "b": "two"})), target)
    assert fault.path == "clusters.b.network"
    assert "no gateway of another cluster would lead to 'three'" in fault.message
    assert list(transitions(deployed_fleet(described({"a": "one", "b": "one"})), target)) == []


def test_a_cluster_that_machines_elsewhere_call_does_not_move_away_from_them() -> None:
    config = {
        "host": "a",
        "networks": {"two": {}, "datacenter": {}},
        "clusters": {"a": {"embedded": {}, "network": "two"}},
        "namespaces": {"orders": {}},
        "virtualMachines": {"till": {"namespace": "orders", "cluster": "a", "network": "datacenter"}},
    }
    (fault,) = transitions(deployed_fleet(described({"a": "one"})), load("moves", config))
    assert fault.path == "clusters.a.network"


PLACES = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(NETWORKS), min_size=2)


@given(PLACES, PLACES)
@up_to(100)
def test_every_network_of_a_mesh_has_a_gateway_at_every_moment(before: dict[str, str], after: dict[str, str]) -> None:
    target = fleet_on(after)
    faults = list(transitions(deployed_fleet(described(before)), target))
    way = stages(deployed({name: before[name] for name in before if name in after}), target)
    assert way[-1].fleet == target
    if faults or len(after) < 2:
        return
    there = {name: network for name, network in before.items() if name in after}
    for stage in way:
        now = {name: cluster.network for name, cluster in stage.fleet.clusters.items()}
        # Pods of the stage before are still there while those of this one come.
        occupied = {*there.values(), *now.values()}
        led = {stage.fleet.gateway_network(name) for name in now if stage.fleet.is_network_gateway(name)}
        if len(occupied) > 1 and len(way) > 1:
            assert occupied <= led or stage.preconditions == ("pods-as-declared",)
        there = now


@given(PLACES, PLACES)
def test_a_cluster_opens_a_network_that_it_is_or_was_on(before: dict[str, str], after: dict[str, str]) -> None:
    found = gateways_during(before, after)
    if found is None:
        return
    assert found.keys() == after.keys()
    for name, network in found.items():
        assert network in (before.get(name, after[name]), after[name])
