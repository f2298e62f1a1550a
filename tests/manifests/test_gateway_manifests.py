"""Gateways in plans: what charts and objects are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from manifests import fleet_plan
from manifests.control_plane import istiod_service
from tests.manifests.plans import releases
from tests.topology.strategies import loaded_fleets
from topology import Fleet, load

pytestmark = pytest.mark.proof("gateways of clusters, of networks and from outside", step=0)

quick = settings(max_examples=20, deadline=None)


def fleet_with(networks: dict[str, Any] | None = None, **clusters: dict[str, Any]) -> Fleet:
    """Two clusters on the network `shared` and one on `far`, with the fields given."""
    places = {"west": "shared", "east": "shared", "north": "far"}
    declared = {name: {"embedded": {}, "network": network} | clusters.get(name, {}) for name, network in places.items()}
    return load("g", {"host": "west", "clusters": declared, "networks": {"shared": {}, "far": {}} | (networks or {})})


def mesh_networks(fleet: Fleet) -> dict[str, Any]:
    """What each cluster's istiod chart is told of networks; a cluster is left out when it is told nothing."""
    plans = fleet_plan(fleet)
    istiod = istiod_service(fleet.istio.revision)
    found = {cluster: releases(plan)[istiod].values["global"].get("meshNetworks") for cluster, plan in plans.items()}
    return {cluster: networks for cluster, networks in found.items() if networks is not None}


def test_declared_gateways_are_told_to_every_control_plane_in_the_same_bytes() -> None:
    declared = {"shared": {"gateways": [{"address": "203.0.113.7"}, {"address": "lb.west.example", "port": 443}]}}
    expected = {
        "shared": {
            "endpoints": [{"fromRegistry": "east"}, {"fromRegistry": "west"}],
            "gateways": [{"address": "203.0.113.7", "port": 15443}, {"address": "lb.west.example", "port": 443}],
        }
    }
    assert mesh_networks(fleet_with(declared)) == dict.fromkeys(("west", "east", "north"), expected)


def test_a_cluster_that_is_served_by_another_is_on_its_network_and_told_nothing() -> None:
    declared = {"shared": {"gateways": [{"address": "203.0.113.7"}]}}
    told = mesh_networks(fleet_with(declared, east={"controlPlane": {"remote": "west"}}))
    assert told.keys() == {"west", "north"}
    assert told["west"]["shared"]["endpoints"] == [{"fromRegistry": "east"}, {"fromRegistry": "west"}]


def test_another_mesh_is_told_nothing() -> None:
    config = {
        "host": "west",
        "meshes": {"one": {}, "two": {}},
        "networks": {"a": {"gateways": [{"address": "203.0.113.7"}]}, "b": {}, "c": {}},
        "clusters": {
            "west": {"embedded": {}, "network": "a", "mesh": "one"},
            "east": {"embedded": {}, "network": "b", "mesh": "one"},
            "solo": {"embedded": {}, "network": "c", "mesh": "two"},
        },
    }
    assert mesh_networks(load("g", config)).keys() == {"west", "east"}


@quick
@given(loaded_fleets())
def test_nothing_is_said_of_networks_without_declared_gateways(fleet: Fleet) -> None:
    declared = {name for name, network in fleet.networks.items() if network.gateways}
    for cluster, networks in mesh_networks(fleet).items():
        assert networks.keys() == declared & set(fleet.networks_of(fleet.mesh_of(cluster)))
