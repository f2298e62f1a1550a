"""Workloads that fit a configuration which is valid already; `strategies.py` adds them to its fleets."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.topology.name_strategies import some

Config = dict[str, Any]

# None of them followed by `-` and a version is another one of them followed by a version.
NAMES = ("a", "echo", "echo-v2", "s" * 54)
VERSIONS = ("canary-2", "v1", "v2")
HEADERS = ({"x-canary": "always"}, {"x-canary": "always", "user": "a b"}, {"user": "0"})
IMAGES = ("nginx", "registry.example:5000/shop/cart:1.2")


def workloads(draw: st.DrawFn, config: Config, preferred: str) -> Config:
    """One workload or two, in namespaces of `config`, of which the `preferred` one may have anything."""
    namespaces = {name: declared or {} for name, declared in config["namespaces"].items()}
    chosen = draw(st.permutations(NAMES))[: draw(st.integers(1, 2))]
    return {name: _workload(draw, config["clusters"], namespaces, preferred) for name in chosen}


def _workload(draw: st.DrawFn, clusters: Config, namespaces: Config, preferred: str) -> Config:
    namespace = preferred if draw(st.booleans()) else draw(st.sampled_from(tuple(sorted(namespaces))))
    existing = namespaces[namespace].get("clusters") or list(clusters)
    workload: Config = {"namespace": namespace}
    places = existing
    if draw(st.booleans()):
        workload["clusters"] = places = draw(some(tuple(existing)))
    versions: Config = {}
    for name in draw(st.permutations(VERSIONS))[: draw(st.integers(1, 3))]:
        versions[name] = {"replicas": draw(st.integers(1, 3))} if draw(st.booleans()) else {}
        if draw(st.booleans()):
            versions[name]["clusters"] = draw(some(tuple(places)))
    running = {name: {_mesh(clusters[place]) for place in v.get("clusters", places)} for name, v in versions.items()}
    meshes = set().union(*running.values())
    configured = {
        name for name, cluster in clusters.items() if _mesh(cluster) in meshes and "remote" not in _plane(cluster)
    }
    if draw(st.booleans()):
        workload["image"] = draw(st.sampled_from(IMAGES))
    if namespaces[namespace].get("injection") and configured <= set(existing):
        waypoint = namespaces[namespace].get("waypoint")
        ambient = any(clusters[place].get("dataPlane") == "ambient" for place in places)
        everywhere = all(inside == meshes for inside in running.values())
        if len(versions) > 1 and everywhere and (waypoint or not ambient):
            _routes(draw, versions)
        if draw(st.booleans()):
            caller = draw(st.sampled_from(tuple(sorted(namespaces))))
            workload["allowedCallers"] = [f"{caller}/web", "istio-system/shop.in"]
    ambient = any(clusters[place].get("dataPlane") == "ambient" for place in existing)
    if not ambient and "allowedCallers" not in workload and draw(st.booleans()):
        others = tuple(sorted(set(namespaces) - {namespace}))
        elsewhere = bool(others) and draw(st.booleans())
        found = draw(some(others)) if elsewhere else []
        workload["exportTo"] = ["*"] if draw(st.booleans()) else sorted({".", *found})
    # A version that is nothing but its name may be written as one.
    written: Config = {name: version or draw(st.sampled_from([None, {}])) for name, version in versions.items()}
    return workload if written == {"v1": None} else workload | {"versions": written}


def _routes(draw: st.DrawFn, versions: Config) -> None:
    """Add nothing, weights, headers or both to the versions."""
    first, *others = draw(st.permutations(list(versions)))
    kind = draw(st.sampled_from(["none", "weights", "headers", "both"]))
    if kind in ("headers", "both"):
        for name, headers in zip(others, draw(st.permutations(HEADERS)), strict=False):
            versions[name]["headers"] = dict(headers)
    if kind in ("weights", "both"):
        left = 100
        for name in others:
            versions[name]["weight"] = draw(st.integers(0, left))
            left -= versions[name]["weight"]
        versions[first]["weight"] = left


def _mesh(cluster: Config) -> str:
    return str(cluster.get("mesh", ""))


def _plane(cluster: Config) -> Config:
    plane = cluster.get("controlPlane")
    return plane if isinstance(plane, dict) else {}
