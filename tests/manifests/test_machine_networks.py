"""Networks of machines without a cluster: what every istiod knows of them, and what their machines are given."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from meshfleet.manifests import fleet_plan
from meshfleet.manifests.bundle import AGENT_FLAGS, CUSTOM_RULES, Found, bundle
from meshfleet.manifests.names import EAST_WEST_GATEWAY, ISTIOD_GATEWAY, istiod_service
from meshfleet.manifests.virtual_machines import group
from meshfleet.topology import Fleet, load, read_stack_file
from tests.examples import up_to
from tests.manifests.machines import environment, proxy_config
from tests.manifests.plans import named, objects, releases
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("networks of machines without a cluster", step=0)

quick = up_to(20)

CONFIG: dict[str, Any] = dict(
    read_stack_file(Path(__file__).resolve().parents[2] / "stacks", "examples/machine-network").config
)
MESH = "trustDomain: t.example\ndefaultConfig:\n  meshId: m\n"


def fleet(**machines: dict[str, Any]) -> Fleet:
    """The example, with other fields of some machines."""
    config = copy.deepcopy(CONFIG)
    for name, fields in machines.items():
        config["virtualMachines"].setdefault(name, {}).update(fields)
    return load("m", config)


def mesh_networks(fleet: Fleet, cluster: str) -> dict[str, Any]:
    values = releases(fleet_plan(fleet)[cluster])[istiod_service(fleet.istio.revision)].values
    return dict(values["global"].get("meshNetworks") or {})


def test_every_istiod_knows_the_declared_gateways_of_a_network_without_a_cluster() -> None:
    gateways = [{"address": "203.0.113.80", "port": 15443}]
    assert mesh_networks(fleet(), "west") == {"datacenter": {"endpoints": [], "gateways": gateways}}


def test_a_mesh_of_one_cluster_opens_its_network_for_machines_on_another() -> None:
    plan = fleet_plan(fleet())["west"]
    values = releases(plan)["east-west-gateway"].values
    assert values["networkGateway"] == "coast"
    assert named(plan, "cross-network-gateway")
    assert named(plan, ISTIOD_GATEWAY)
    assert fleet().model_of("mesh") == "single cluster, several networks"
    machines = {name: CONFIG["virtualMachines"][name] | {"network": "coast"} for name in ("billing", "till")}
    config = CONFIG | {"networks": {"coast": {}}, "virtualMachines": machines}
    alone = fleet_plan(load("m", config))["west"]
    assert "networkGateway" not in releases(alone)["east-west-gateway"].values


def test_machines_of_a_network_of_their_own_say_so_when_they_register_and_to_istiod() -> None:
    assert group(fleet(), "billing")["spec"]["template"]["network"] == "datacenter"
    files = bundle(fleet(), "billing", "default", Found(MESH, "root", ("198.18.0.9",), "token"))
    assert environment(files["cluster.env"])["ISTIO_META_NETWORK"] == "datacenter"
    assert files["hosts"] == "198.18.0.9 istiod.istio-system.svc\n"


def test_a_gateway_of_machines_is_a_router_of_its_own_network_that_gateways_select() -> None:
    files = bundle(fleet(), "edge", "default", Found(MESH, "root", ("198.18.0.9",), "token"))
    told = environment(files["cluster.env"])
    assert (told[AGENT_FLAGS], told[CUSTOM_RULES]) == ("router", "true")
    metadata = proxy_config(files["mesh.yaml"])["proxyMetadata"]
    assert metadata["ISTIO_META_REQUESTED_NETWORK_VIEW"] == metadata["ISTIO_META_NETWORK"] == "datacenter"
    (selector,) = [
        one["spec"]["selector"]
        for one in objects(fleet_plan(fleet())["west"])
        if one["metadata"]["name"] == "cross-network-gateway"
    ]
    assert selector.items() <= metadata["ISTIO_METAJSON_LABELS"].items()
    assert selector.items() <= group(fleet(), "edge")["spec"]["metadata"]["labels"].items()
    others = environment(bundle(fleet(), "billing", "default", Found(MESH, "root", (), ""))["cluster.env"])
    assert not {AGENT_FLAGS, CUSTOM_RULES, "ISTIO_META_REQUESTED_NETWORK_VIEW"} & others.keys()


def test_networks_that_no_gateway_leads_into_are_known_with_their_machines() -> None:
    assert fleet().closed_networks_of("mesh") == {"branch": ("till",)}
    assert fleet(billing={"network": "branch"}).closed_networks_of("mesh") == {"branch": ("billing", "till")}


@quick
@given(loaded_fleets(max_clusters=5))
def test_of_every_network_each_istiod_of_a_mesh_knows_a_gateway_or_it_is_said_to_have_none(fleet: Fleet) -> None:
    for mesh in fleet.meshes:
        closed = fleet.closed_networks_of(mesh)
        for network in fleet.networks_of(mesh) if len(fleet.networks_of(mesh)) > 1 else ():
            by_label = [name for name in fleet.members_on(network) if fleet.is_network_gateway(name)]
            for primary in fleet.primaries_of(mesh):
                declared = fleet.networks[network].gateways
                advertised = [name for name in by_label if fleet.advertised_to(name, primary)]
                assert bool(declared or advertised) == (network in mesh_networks(fleet, primary))
                assert (network in closed) == (not by_label and not declared)


@quick
@given(loaded_fleets(max_clusters=5))
def test_the_istiod_of_every_machine_is_behind_a_gateway_that_other_networks_reach(fleet: Fleet) -> None:
    for declared in fleet.virtual_machines.values():
        home = fleet.hosting(declared.cluster)
        assert fleet.exposes_control_plane(home)
        assert named(fleet_plan(fleet)[home], EAST_WEST_GATEWAY)
        assert named(fleet_plan(fleet)[home], ISTIOD_GATEWAY)
        # One of another mesh, whose control plane it hosts, leads to istiod alone.
        if len(fleet.networks_of(fleet.mesh_of(declared.cluster))) > 1:
            assert all(fleet.is_network_gateway(member) for member in fleet.members_of(fleet.mesh_of(declared.cluster)))
