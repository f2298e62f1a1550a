"""Istio's names for deployment models, and who serves whom in them."""

from __future__ import annotations

import pytest

from meshfleet.topology import Fleet, load

pytestmark = pytest.mark.proof("the deployment model follows from the clusters", step=0)

# Served from outside of the mesh, by the cluster `x` of another one.
EXTERNAL = {"external": "x"}
Clusters = dict[str, tuple[str, object]]


def _fleet(clusters: Clusters) -> Fleet:
    """The mesh `mesh1` of clusters given by network and control plane, beside one that hosts external ones."""
    declared = {
        name: {"embedded": {}, "mesh": "mesh1", "network": network, "controlPlane": plane}
        for name, (network, plane) in clusters.items()
    }
    config = {
        "host": "x",
        "meshes": {"mesh1": {}, "mesh2": {}},
        "networks": {"outside": {}} | {network: {} for network, _ in clusters.values()},
        "clusters": declared | {"x": {"embedded": {}, "mesh": "mesh2", "network": "outside"}},
    }
    return load("dev", config)


@pytest.mark.parametrize(
    ("clusters", "model"),
    [
        ({"a": ("n", "own")}, "single cluster"),
        ({"a": ("n", "own"), "b": ("n", "own")}, "multi-primary, one network"),
        ({"a": ("n", "own"), "b": ("m", "own")}, "multi-primary, several networks"),
        ({"a": ("n", "own"), "b": ("n", {"remote": "a"})}, "primary-remote, one network"),
        ({"a": ("n", "own"), "b": ("m", {"remote": "a"})}, "primary-remote, several networks"),
        (
            {"a": ("n", "own"), "b": ("n", "own"), "c": ("m", {"remote": "b"})},
            "multi-primary, primary-remote, several networks",
        ),
        ({"a": ("n", EXTERNAL)}, "external control plane"),
        ({"a": ("n", EXTERNAL), "b": ("n", {"remote": "a"})}, "external control plane, one network"),
        ({"a": ("n", EXTERNAL), "b": ("m", {"remote": "a"})}, "external control plane, several networks"),
    ],
)
def test_the_model_of_a_mesh_has_istios_name(clusters: Clusters, model: str) -> None:
    fleet = _fleet(clusters)
    assert fleet.model_of("mesh1") == model
    assert fleet.model_of("mesh2") == "single cluster"


def test_the_primary_of_a_cluster_is_the_one_whose_name_the_istiod_that_serves_it_carries() -> None:
    fleet = _fleet({"a": ("n", "own"), "b": ("n", {"remote": "a"})})
    assert {name: fleet.primary_of(name) for name in "abx"} == {"a": "a", "b": "a", "x": "x"}
    assert fleet.primaries_of("mesh1") == ("a",)
    assert fleet.remotes_of("a") == ("b",)
    assert {name: fleet.hosting(name) for name in "abx"} == {"a": "a", "b": "a", "x": "x"}


def test_an_external_istiod_runs_in_its_host_and_carries_the_name_of_its_config_cluster() -> None:
    fleet = _fleet({"a": ("n", EXTERNAL), "b": ("n", {"remote": "a"})})
    assert {name: fleet.primary_of(name) for name in "abx"} == {"a": "a", "b": "a", "x": "x"}
    assert {name: fleet.hosting(name) for name in "abx"} == {"a": "x", "b": "x", "x": "x"}
    assert fleet.hosted_by("x") == ("a",)
    assert {name: fleet.system_namespace(name) for name in "abx"} == {
        "a": "istiod-a",
        "b": "istiod-a",
        "x": "istio-system",
    }


def test_a_control_plane_that_serves_other_clusters_is_behind_a_gateway_of_the_cluster_it_runs_in() -> None:
    served = _fleet({"a": ("n", "own"), "b": ("n", {"remote": "a"})})
    assert [name for name in served.clusters if served.has_east_west_gateway(name)] == ["a"]
    assert not served.is_network_gateway("a")
    hosted = _fleet({"a": ("n", EXTERNAL), "b": ("n", {"remote": "a"})})
    assert [name for name in hosted.clusters if hosted.has_east_west_gateway(name)] == ["x"]
    alone = _fleet({"a": ("n", "own"), "b": ("n", "own")})
    assert not [name for name in alone.clusters if alone.has_east_west_gateway(name)]


def test_every_primary_reads_every_other_cluster_of_its_mesh_and_is_read_by_every_other_primary() -> None:
    fleet = _fleet({"a": ("n", "own"), "b": ("n", "own"), "c": ("m", {"remote": "b"})})
    assert {name: fleet.readers_of(name) for name in "abcx"} == {"a": ("b",), "b": ("a",), "c": ("a", "b"), "x": ()}


def _directed(read_by: dict[str, list[str]]) -> Fleet:
    """A centre and two edges on networks of their own; each cluster is read by those that `read_by` has for it."""
    clusters = {
        name: {"embedded": {}, "network": f"n-{name}"}
        | ({"discovery": {"readBy": read_by[name]}} if name in read_by else {})
        for name in ("central", "edge1", "edge2")
    }
    networks: dict[str, dict[str, str]] = {f"n-{name}": {} for name in clusters}
    return load("dev", {"host": "central", "networks": networks, "clusters": clusters})


def test_a_centre_reads_edges_that_do_not_read_each_other() -> None:
    edges = {"edge1": ["central"], "edge2": ["central"]}
    hub = _directed({"central": [], **edges})
    assert {name: hub.reads(name) for name in hub.clusters} == {"central": ("edge1", "edge2"), "edge1": (), "edge2": ()}
    assert {name: hub.readers_of(name) for name in hub.clusters} == {
        "central": (),
        "edge1": ("central",),
        "edge2": ("central",),
    }
    assert hub.model_of("mesh") == "multi-primary, several networks, restricted discovery"
    # A centre that names no reader is read by all.
    seen = _directed(edges)
    assert {name: seen.reads(name) for name in seen.clusters} == {
        "central": ("edge1", "edge2"),
        "edge1": ("central",),
        "edge2": ("central",),
    }


def test_a_list_of_every_control_plane_is_the_same_as_none() -> None:
    named = _directed({"edge1": ["edge2", "central"]})
    assert not named.restricts_discovery("mesh")
    assert {name: named.readers_of(name) for name in named.clusters} == {
        name: _directed({}).readers_of(name) for name in named.clusters
    }
    assert named.model_of("mesh") == "multi-primary, several networks"
