"""Namespaces that ask for what none of their clusters has: waypoints and global Services belong to ambient mode."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import ABSENT, Wrong

TWO_MESHES: dict[str, object] = {
    "meshes": {"mesh1": {}, "mesh2": {}},
    "clusters.west.mesh": "mesh1",
    "clusters.east.mesh": "mesh2",
    "clusters.east.dataPlane": "ambient",
}
NEITHER = "belongs to ambient mode, and none of its clusters (west, east) is ambient"

AMBIENT_NAMESPACES = [
    Wrong("waypoint without ambient mode", {"namespaces.shop.waypoint": True}, {"namespaces.shop.waypoint": NEITHER}),
    Wrong(
        "global Services without ambient mode",
        {"namespaces.shop.globalServices": True},
        {"namespaces.shop.globalServices": NEITHER},
    ),
    Wrong(
        "waypoint and global Services without ambient mode",
        {"namespaces.shop": {"waypoint": True, "globalServices": True}},
        {"namespaces.shop.globalServices": NEITHER, "namespaces.shop.waypoint": NEITHER},
    ),
    Wrong(
        "waypoint in the clusters with sidecars of a fleet that has ambient ones",
        {
            **TWO_MESHES,
            "namespaces.shop": {"waypoint": True, "clusters": ["west"]},
            "namespaces.all": {"waypoint": True},
        },
        {"namespaces.shop.waypoint": "none of its clusters (west) is ambient"},
    ),
    Wrong(
        "waypoint in a cluster that is not there",
        {"namespaces.shop": {"waypoint": True, "clusters": ["north"]}},
        {"namespaces.shop.clusters[0]": "no cluster is named 'north'"},
    ),
    Wrong(
        "waypoint in a cluster that cannot be read",
        {"namespaces.shop.waypoint": True, "clusters.east.network": ABSENT},
        {"clusters.east.network": "missing; required"},
    ),
    Wrong(
        "waypoint that is a name",
        {"namespaces.shop.waypoint": "gateway"},
        {"namespaces.shop.waypoint": "must be true or false, got 'gateway'"},
    ),
]
