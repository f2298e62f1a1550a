"""Propagations that fit a configuration which is valid already; `strategies.py` adds them to its fleets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from tests.topology.name_strategies import some

Config = dict[str, Any]

NAMES = ("a", "configuration", "shop-front", "p" * 63)
GROUP = "own.example"

_CHANGED = st.sampled_from([{"labels": {"set": {"tier": "far"}}}, {"annotations": {"set": {"a.example/b": "c"}}}])
# Of the four objects that `_objects` makes.
_POSITIONS = st.lists(st.sampled_from(range(4)), min_size=1, unique=True)


def propagations(draw: st.DrawFn, config: Config) -> Config:
    """One propagation or two; kinds of `own.example` are defined in every cluster by a third."""
    clusters = tuple(config["clusters"])
    found: Config = {}
    for number, name in enumerate(draw(st.permutations(NAMES))[: draw(st.integers(1, 2))]):
        places = draw(some(clusters))
        namespaces = ["default", f"own-{number}", *_everywhere(config, places)]
        found[name] = {
            "resources": [
                *([{"object": _namespace(f"own-{number}")}] if draw(st.booleans()) else []),
                *({"object": each} for each in _objects(draw, number, st.sampled_from(tuple(namespaces)))),
            ],
            "placement": {"clusterAffinity": {"clusterNames": places}} | _scheduling(draw, places),
        }
        if draw(st.booleans()):
            found[name]["overrides"] = [_override(draw, clusters)]
        if draw(st.booleans()):
            found[name]["preserveResourcesOnDeletion"] = True
            found[name]["rollout"] = {"waves": [{"targetClusters": {"clusterNames": places}}, {"clusters": 1}]}
        used = {each["object"]["metadata"].get("namespace") for each in found[name]["resources"]}
        if f"own-{number}" in used and not any(
            each["object"]["kind"] == "Namespace" for each in found[name]["resources"]
        ):
            # Contents may stand before what they are in.
            found[name]["resources"].append({"object": _namespace(f"own-{number}")})
    _add_dependencies(draw, found)
    _add_affinity(draw, found)
    kinds = {each["object"]["kind"] for one in found.values() for each in one["resources"]}
    if "Own" in kinds:
        found["definitions"] = {"resources": [{"object": _definition()}]}
    return found


def _add_dependencies(draw: st.DrawFn, found: Config) -> None:
    """Some follow what their pods refer to: the settings of each, and what goes nowhere by itself."""
    pods = [one for one in _bodies(found.values()) if one["kind"] == "Deployment"]
    if not pods or not draw(st.booleans()):
        return
    for one in found.values():
        one["followDependencies"] = draw(st.booleans())
    places = [one["metadata"]["namespace"] for one in pods]
    found["shared"] = {"resources": [{"object": _config_map("shared", place)} for place in dict.fromkeys(places)]}
    found["shared"]["onlyAsDependencies"] = True
    referred = ["shared", "of-nobody", *(f"settings-{number}" for number in range(len(pods)))]
    for one in pods:
        names = draw(st.lists(st.sampled_from(tuple(referred)), unique=True))
        sources = [{"configMapRef": {"name": name}} for name in names]
        one["spec"]["template"]["spec"]["containers"][0]["envFrom"] = sources


def _add_affinity(draw: st.DrawFn, found: Config) -> None:
    """Some pods go where others are, or where they are not, as far as there is room for both."""
    placed = [one for one in found.values() if "placement" in one]
    first, last = (set(one["placement"]["clusterAffinity"]["clusterNames"]) for one in (placed[0], placed[-1]))
    ways = [("affinity", first == last), ("antiAffinity", len(placed) > 1 and bool(first - last and last - first))]
    wanted = [way for way, fits in ways if fits]
    grouped = bool(wanted) and draw(st.booleans())
    if grouped:
        term = {draw(st.sampled_from(tuple(wanted))): {"groupByLabelKey": "own"}}
        for one in placed:
            one["placement"]["workloadAffinity"] = term


def _bodies(propagations: Iterable[Config]) -> list[Config]:
    return [each["object"] for one in propagations for each in one["resources"]]


def _everywhere(config: Config, places: list[str]) -> list[str]:
    namespaces = {name: (declared or {}).get("clusters") for name, declared in config.get("namespaces", {}).items()}
    return [name for name, found in namespaces.items() if not found or set(places) <= set(found)]


def _objects(draw: st.DrawFn, number: int, namespaces: st.SearchStrategy[str]) -> list[Config]:
    made = [
        _config_map("settings", draw(namespaces)),
        _deployment("own-pods", draw(namespaces), draw(st.sampled_from([None, 0, 1, 7]))),
        _own("main", draw(namespaces)),
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "own:reader"},
            "rules": [],
        },
    ]
    chosen = draw(_POSITIONS)
    # Of two propagations neither has an object of the other's.
    return [_renamed(made[position], f"-{number}") for position in chosen]


def _renamed(body: Config, ending: str) -> Config:
    return body | {"metadata": body["metadata"] | {"name": body["metadata"]["name"] + ending}}


def _scheduling(draw: st.DrawFn, places: list[str]) -> Config:
    weights = [{"targetClusters": {"clusterNames": [name]}, "weight": at + 1} for at, name in enumerate(places)]
    ways: list[Config] = [{}, {"staticWeights": weights}, {"dynamicWeight": "AvailableReplicas"}]
    if draw(st.booleans()):
        return {}
    return {"replicaScheduling": {"replicaSchedulingType": "Divided"} | ways[draw(st.integers(0, 2))]}


def _override(draw: st.DrawFn, clusters: tuple[str, ...]) -> Config:
    changed = draw(_CHANGED)
    if draw(st.booleans()):
        return changed
    return {"targetClusters": {"clusterNames": [draw(st.sampled_from(clusters))]}} | changed


def _namespace(name: str) -> Config:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _config_map(name: str, namespace: str) -> Config:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {"settings.yaml": "{a: 1, b: 2}"},
    }


def _deployment(name: str, namespace: str, replicas: int | None) -> Config:
    labels = {"app": name, "own": "pods"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "registry.example/own:1"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": ({} if replicas is None else {"replicas": replicas})
        | {"selector": {"matchLabels": labels}, "template": pod},
    }


def _own(name: str, namespace: str) -> Config:
    return {"apiVersion": f"{GROUP}/v1", "kind": "Own", "metadata": {"name": name, "namespace": namespace}, "spec": {}}


def _definition() -> Config:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"owns.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "owns", "kind": "Own"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
            ],
        },
    }
