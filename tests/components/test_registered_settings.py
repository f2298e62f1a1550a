"""Settings of a mesh are registered in every one of its clusters, behind the istiod that looks at them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meshfleet.topology import Fleet
from tests.components.registered_graph import Graph

pytestmark = pytest.mark.proof("settings of a mesh, declared once and equal in every primary", step=1)

OBJECTS = {
    "peer-authentication": "kubernetes:security.istio.io/v1:PeerAuthentication",
    "telemetry": "kubernetes:telemetry.istio.io/v1:Telemetry",
    "outlier-detection": "kubernetes:networking.istio.io/v1:DestinationRule",
}


def test_settings_are_registered_where_they_are_declared_and_only_there(graph: Graph, fleet: Fleet, shape: str) -> None:
    for cluster, declaration in fleet.clusters.items():
        strict = fleet.meshes[fleet.mesh_of(cluster)].settings.mtls == "strict"
        declared = set(OBJECTS) if shape == "settings" else {"peer-authentication"} if strict else set()
        # The istiod of a remote reads them in its primary.
        expected = set() if declaration.control_plane.kind == "remote" else declared
        assert {name for name in OBJECTS if f"{cluster}/{name}" in graph.names()} == expected


def test_each_object_waits_for_the_istiod_that_looks_at_it(graph_of: Callable[[str], Graph]) -> None:
    graph = graph_of("settings")
    for cluster in ("west", "east"):
        for name, token in OBJECTS.items():
            assert graph[f"{cluster}/{name}"].type == token
            assert f"{cluster}/istiod-process" in graph.waits_for(f"{cluster}/{name}")


def test_every_cluster_of_the_mesh_gets_the_same(graph_of: Callable[[str], Graph]) -> None:
    graph = graph_of("settings")
    for name in OBJECTS:
        assert graph[f"west/{name}"].inputs == graph[f"east/{name}"].inputs
    west, east = (graph[f"{cluster}/istiod"].inputs["values"]["meshConfig"] for cluster in ("west", "east"))
    assert west == east
    assert west["outboundTrafficPolicy"] == {"mode": "REGISTRY_ONLY"}


def test_what_is_declared_is_exported_for_the_verification(graph_of: Callable[[str], Graph]) -> None:
    graph = graph_of("settings")
    (mesh,) = graph.outputs["fleet"]["meshes"]
    written = graph["west/istiod"].inputs["values"]["meshConfig"]
    # Beside what is declared for the mesh there is what every proxy is told.
    assert mesh["settings"]["meshConfig"] == {key: written[key] for key in written if key != "defaultConfig"}
    assert [(entry["kind"], entry["name"]) for entry in mesh["settings"]["objects"]] == [
        ("PeerAuthentication", "default"),
        ("Telemetry", "mesh-default"),
        ("DestinationRule", "mesh-outlier-detection"),
    ]
    assert mesh["settings"]["objects"][0]["spec"] == graph["west/peer-authentication"].inputs["spec"]
    (plain,) = graph_of("simulated-pods").outputs["fleet"]["meshes"]
    assert plain["settings"] == {"meshConfig": {"trustDomain": "cluster.local"}, "objects": []}
