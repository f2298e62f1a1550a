"""What holds for every fleet there can be, and for every configuration that is none."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meshfleet.errors.faults import join
from meshfleet.topology import Fleet, TopologyError, load
from meshfleet.topology.draft import DEFAULT_MESH, SECTIONS, SINGLES
from tests.examples import up_to
from tests.topology.name_strategies import Config, json_values, labels
from tests.topology.strategies import fleets, loaded_fleets

pytestmark = pytest.mark.proof("stack files are checked before anything exists", step=0)

# The machine that runs this may be busy, and what is asked here does not depend on time.
quick = up_to(50)

FREE_FORM = ("labels", "serviceAnnotations", "charts", "controlPlane", "headers")
NO_FIELDS = (
    *("istio.charts", "istio.revisions", "portal.oidc"),
    *(f"identities.{section}" for section in ("users", "groups", "serviceAccounts", "roles", "bindings")),
)


@quick
@given(fleets())
def test_every_valid_configuration_loads_with_clusters_as_written_and_the_rest_in_order_of_names(
    config: Config,
) -> None:
    fleet = load("generated", config)
    assert fleet.name == "generated"
    assert list(fleet.clusters) == list(config["clusters"])
    assert list(fleet.networks) == list(config["networks"])
    assert list(fleet.meshes) == list(config.get("meshes", [DEFAULT_MESH]))
    assert list(fleet.namespaces) == sorted(config.get("namespaces", []))
    assert list(fleet.workloads) == sorted(config.get("workloads", []))
    assert fleet.host == config.get("host", next(iter(config["clusters"])))


@quick
@given(fleets())
def test_loading_changes_nothing_it_is_given_and_gives_the_same_twice(config: Config) -> None:
    before = copy.deepcopy(config)
    assert load("generated", config) == load("generated", config)
    assert config == before


@quick
@given(fleets())
def test_a_configuration_means_the_same_when_it_comes_as_json(config: Config) -> None:
    assert load("generated", json.loads(json.dumps(config))) == load("generated", config)


@quick
@given(loaded_fleets(max_clusters=5))
def test_every_cluster_is_in_exactly_one_mesh(fleet: Fleet) -> None:
    members = [name for mesh in fleet.meshes for name in fleet.members_of(mesh)]
    assert sorted(members) == sorted(fleet.clusters)
    assert all(fleet.members_of(mesh) for mesh in fleet.meshes)


@quick
@given(loaded_fleets())
def test_of_a_copy_with_other_clusters_everything_follows_from_those(fleet: Fleet) -> None:
    before = {mesh: fleet.members_of(mesh) for mesh in fleet.meshes}
    first, *others = fleet.clusters
    copied = fleet.model_copy(update={"clusters": {name: fleet.clusters[name] for name in others}})
    assert [name for mesh in fleet.meshes for name in copied.members_of(mesh) if name == first] == []
    assert {mesh: fleet.members_of(mesh) for mesh in fleet.meshes} == before
    assert fleet.model_copy() == fleet


@quick
@given(loaded_fleets(max_clusters=5))
def test_peers_are_symmetric_and_never_of_another_mesh(fleet: Fleet) -> None:
    for name in fleet.clusters:
        peers = fleet.peers_of(name)
        assert name not in peers
        assert all(name in fleet.peers_of(peer) for peer in peers)
        assert {name, *peers} == set(fleet.members_of(fleet.mesh_of(name)))


@quick
@given(loaded_fleets(max_clusters=5))
def test_meshes_share_no_network_and_every_network_is_used(fleet: Fleet) -> None:
    networks = [network for mesh in fleet.meshes for network in fleet.networks_of(mesh)]
    assert sorted(networks) == sorted(fleet.networks)


@quick
@given(loaded_fleets(max_clusters=5))
def test_a_mesh_over_several_networks_has_a_gateway_in_each_cluster(fleet: Fleet) -> None:
    for name, cluster in fleet.clusters.items():
        several = len(fleet.networks_of(fleet.mesh_of(name))) > 1
        assert fleet.is_network_gateway(name) == (several or cluster.east_west_gateway is not None)


@quick
@given(loaded_fleets(max_clusters=5))
def test_a_control_plane_is_behind_a_gateway_where_it_serves_machines_or_another_cluster_than_its_own(
    fleet: Fleet,
) -> None:
    for name in fleet.clusters:
        elsewhere = [other for other in fleet.clusters if other != name and fleet.hosting(other) == name]
        elsewhere += [
            machines.cluster for machines in fleet.virtual_machines.values() if fleet.hosting(machines.cluster) == name
        ]
        assert fleet.exposes_control_plane(name) == bool(elsewhere)
        assert fleet.has_east_west_gateway(name) == (fleet.is_network_gateway(name) or bool(elsewhere))


@quick
@given(loaded_fleets(max_clusters=5))
def test_every_cluster_is_served_by_one_istiod_of_its_mesh_which_runs_in_a_cluster_with_its_own(fleet: Fleet) -> None:
    for name, cluster in fleet.clusters.items():
        primary, host = fleet.primary_of(name), fleet.hosting(name)
        assert fleet.is_primary(primary)
        assert fleet.mesh_of(primary) == fleet.mesh_of(name)
        assert fleet.clusters[host].control_plane.kind == "own"
        assert (fleet.mesh_of(host) == fleet.mesh_of(name)) == (fleet.clusters[primary].control_plane.kind == "own")
        assert fleet.system_namespace(name) == fleet.system_namespace(primary)
        assert {cluster.capabilities.istiod_runtime} == {
            fleet.clusters[primary].capabilities.istiod_runtime,
            fleet.clusters[host].capabilities.istiod_runtime,
        }
        assert (name in fleet.remotes_of(primary)) == (name != primary)
        assert (name in fleet.hosted_by(host)) == (name == primary != host)


@quick
@given(loaded_fleets(max_clusters=5))
def test_who_reads_a_cluster_are_the_other_primaries_of_its_mesh_that_it_names(fleet: Fleet) -> None:
    for name, cluster in fleet.clusters.items():
        named = cluster.discovery.read_by
        readers = [other for other in fleet.clusters if fleet.is_primary(other) and name in fleet.peers_of(other)]
        assert list(fleet.readers_of(name)) == [other for other in readers if named is None or other in named]


@quick
@given(loaded_fleets(max_clusters=5))
def test_a_control_plane_reads_exactly_the_clusters_that_are_read_by_it_and_always_its_remotes(fleet: Fleet) -> None:
    for name in fleet.clusters:
        assert fleet.reads(name) == tuple(other for other in fleet.clusters if name in fleet.readers_of(other))
        assert set(fleet.remotes_of(name)) <= set(fleet.reads(name))
        assert not fleet.reads(name) or fleet.is_primary(name)
    for mesh in fleet.meshes:
        primaries = fleet.primaries_of(mesh)
        everywhere = all({name, *fleet.reads(name)} == set(fleet.members_of(mesh)) for name in primaries)
        assert fleet.restricts_discovery(mesh) == (not everywhere)
        assert fleet.model_of(mesh).endswith("restricted discovery") == (not everywhere)


@quick
@given(loaded_fleets(max_clusters=5))
def test_the_host_is_one_cluster_and_the_rest_are_members(fleet: Fleet) -> None:
    roles = [fleet.role(name) for name in fleet.clusters]
    assert sorted(roles) == ["host"] + ["member"] * (len(roles) - 1)
    assert fleet.role(fleet.host) == "host"


@quick
@given(loaded_fleets(max_clusters=5))
def test_the_model_of_a_mesh_follows_from_its_clusters(fleet: Fleet) -> None:
    for mesh in fleet.meshes:
        members, networks = fleet.members_of(mesh), len(fleet.networks_of(mesh))
        kinds = [fleet.clusters[name].control_plane.kind for name in members]
        told = fleet.model_of(mesh).split(", ")
        assert ("single cluster" in told) == (kinds == ["own"])
        assert ("multi-primary" in told) == (kinds.count("own") > 1)
        assert ("primary-remote" in told) == ("remote" in kinds and "external" not in kinds)
        assert ("external control plane" in told) == ("external" in kinds)
        assert ("one network" in told, "several networks" in told) == (len(members) > 1 == networks, networks > 1)


@quick
@given(loaded_fleets())
def test_a_namespace_without_clusters_is_in_all_of_them(fleet: Fleet) -> None:
    for name, namespace in fleet.namespaces.items():
        having = {cluster for cluster in fleet.clusters if name in fleet.namespaces_of(cluster)}
        assert having == set(namespace.clusters or fleet.clusters)


@quick
@given(loaded_fleets(working=True))
def test_a_workload_is_known_wherever_its_namespace_is_in_the_meshes_that_its_pods_run_in(fleet: Fleet) -> None:
    for name, workload in fleet.workloads.items():
        running = fleet.clusters_of(name)
        assert running
        knowing = {cluster for cluster in fleet.clusters if name in fleet.workloads_of(cluster)}
        meshes = {fleet.mesh_of(cluster) for cluster in running}
        having = {cluster for cluster in fleet.clusters if workload.namespace in fleet.namespaces_of(cluster)}
        assert set(running) <= knowing
        assert knowing == {cluster for cluster in having if fleet.mesh_of(cluster) in meshes}


@quick
@given(loaded_fleets(working=True))
def test_every_version_runs_in_its_own_clusters_or_in_all_of_its_workload(fleet: Fleet) -> None:
    for name, workload in fleet.workloads.items():
        everywhere = workload.clusters or fleet.namespaces[workload.namespace].clusters or fleet.clusters
        for version, declared in workload.versions.items():
            running = {cluster for cluster in fleet.clusters if version in fleet.versions_in(name, cluster)}
            assert running == set(declared.clusters or everywhere)


@given(loaded_fleets())
def test_virtual_machines_join_one_control_plane_and_are_on_a_network_of_its_mesh(fleet: Fleet) -> None:
    joined = [name for cluster in fleet.clusters for name in fleet.virtual_machines_of(cluster)]
    assert sorted(joined) == sorted(fleet.virtual_machines)
    for name, declared in fleet.virtual_machines.items():
        primary = fleet.primary_of(declared.cluster)
        assert name in fleet.virtual_machines_of(primary)
        assert fleet.machine_network(name) in fleet.networks_of(fleet.mesh_of(primary))
        assert fleet.has_east_west_gateway(fleet.hosting(primary))


@quick
@given(fleets(), labels(), st.data())
def test_one_unknown_key_anywhere_is_one_fault_at_its_path(config: Config, key: str, data: st.DataObject) -> None:
    path, mapping = data.draw(st.sampled_from([("", config), *_settings(config)]))
    key = f"x-{key}"
    mapping[key] = data.draw(json_values())
    with pytest.raises(TopologyError) as caught:
        load("generated", config)
    assert [fault.path for fault in caught.value.faults] == [join(path, [key])]
    assert caught.value.faults[0].message.startswith("unknown key; ")


@quick
@given(json_values())
def test_a_configuration_that_is_any_json_value_is_refused_as_a_stack_file(config: Any) -> None:
    _loads_or_is_refused(config)


@quick
@given(st.dictionaries(st.sampled_from([*SECTIONS, *SINGLES]), json_values()))
@example({"clusters": {"\ud800": {"\ud800": "\ud800"}}})
@example({"istio": {"version": float("nan")}, "kubernetes": {"version": "v1.٣٥.4"}})
@example({"clusters": {"a": {"embedded": {"nodes": 1 << 20_000}, "network": "\n"}}})
def test_sections_that_are_any_json_values_are_refused_as_a_stack_file(config: Config) -> None:
    _loads_or_is_refused(config)


@quick
@given(fleets(), json_values(), st.data())
def test_one_value_replaced_by_any_json_value_loads_or_is_refused(
    config: Config, value: Any, data: st.DataObject
) -> None:
    mapping = data.draw(st.sampled_from([config, *(inner for _, inner in _mappings("", config))]))
    if mapping:
        mapping[data.draw(st.sampled_from(list(mapping)))] = value
    _loads_or_is_refused(config)


def test_a_configuration_that_contains_itself_is_refused() -> None:
    config: Config = {"networks": {"n": {}}}
    config["clusters"] = {"a": config}
    _loads_or_is_refused(config)


def test_a_configuration_nested_ten_thousand_deep_is_refused() -> None:
    value: Any = {}
    for _ in range(10_000):
        value = {"a": value}
    _loads_or_is_refused({"clusters": value})


def _loads_or_is_refused(config: Any) -> None:
    error = _refusal(config)
    if error is not None:
        assert error.faults
        assert error.faults == tuple(sorted(set(error.faults)))
        assert str(error).splitlines() == [str(fault) for fault in error.faults]
        assert all(str(fault).isprintable() and fault.message for fault in error.faults)


def _refusal(config: Any) -> TopologyError | None:
    try:
        assert load("generated", config).clusters
    except TopologyError as error:
        return error
    return None


def _settings(config: Config) -> Iterator[tuple[str, Config]]:
    """Every mapping whose keys are fields, with its path."""
    names = (*SECTIONS,)
    for path, mapping in _mappings("", config):
        steps = path.split(".")
        of_names = path in (*names, *NO_FIELDS) or (steps[0] == "workloads" and steps[2:] == ["versions"])
        of_names |= steps[0] == "virtualMachines" and steps[2:] == ["ports"]
        if not of_names and not set(steps[2:]) & set(FREE_FORM):
            yield path, mapping


def _mappings(path: str, value: Any) -> Iterator[tuple[str, Config]]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield join(path, [key]), inner
            yield from _mappings(join(path, [key]), inner)
