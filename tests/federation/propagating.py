"""Fleets with propagations, as the tests of placement make them."""

from __future__ import annotations

from typing import Any

from meshfleet.federation.propagated import Propagated, propagations
from meshfleet.topology import Fleet, load

Config = dict[str, Any]
CLUSTERS = ("a", "b", "c")
GROUP = "own.example"
RULES = [
    {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Own",
        "references": [{"fieldPath": "/spec/owns/*", "apiVersion": f"{GROUP}/v1", "kind": "Own"}],
    }
]


def obj(kind: str, name: str, version: str = "v1", namespace: str | None = "shop", **more: Any) -> Config:
    """An object; labels and the like go into `metadata`."""
    described = {"name": name} | ({} if namespace is None else {"namespace": namespace}) | more.pop("metadata", {})
    return {"apiVersion": version, "kind": kind, "metadata": described} | more


def own(name: str, *owns: str) -> Config:
    """A custom resource that refers to others of its kind, by the rules above."""
    return obj("Own", name, f"{GROUP}/v1", spec={"owns": [*owns]})


def pod(*config_maps: str, **more: Any) -> Config:
    """A pod that reads these ConfigMaps."""
    env = [{"configMapRef": {"name": name}} for name in config_maps]
    return {"containers": [{"name": "app", "image": "registry.example/app:1", "envFrom": env}]} | more


def deployment(name: str, *config_maps: str, labels: Config | None = None, **more: Any) -> Config:
    """A Deployment of two replicas whose pods read these ConfigMaps."""
    selected = {"app": name}
    template = {"metadata": {"labels": selected}, "spec": pod(*config_maps, **more)}
    spec = {"replicas": 2, "selector": {"matchLabels": selected}, "template": template}
    return obj("Deployment", name, "apps/v1", metadata={"labels": labels} if labels else {}, spec=spec)


def of(*objects: Config, **more: Any) -> Config:
    """A propagation of these objects."""
    return {"resources": [{"object": each} for each in objects]} | more


def to(*clusters: str) -> Config:
    """A placement by name."""
    return {"placement": {"clusterAffinity": {"clusterNames": [*clusters]}}}


def configured(clusters: tuple[str, ...] = CLUSTERS, /, **declared: Config) -> Config:
    """The configuration of a fleet with these propagations."""
    return {
        "host": clusters[0],
        "networks": {f"n-{name}": {} for name in clusters},
        "clusters": {name: {"embedded": {}, "network": f"n-{name}"} for name in clusters},
        "namespaces": {"shop": {}},
        "propagations": declared,
    }


def fleet_of(clusters: tuple[str, ...] = CLUSTERS, /, **declared: Config) -> Fleet:
    """A fleet with these propagations, which may be wrong once they are placed."""
    return load("x", configured(clusters, **declared))


def where(fleet: Fleet) -> dict[str, set[str]]:
    """The clusters that each object goes to, by its name."""
    return {one.key.name: {*one.copies} for one in propagations(fleet).objects}


def the(fleet: Fleet, name: str) -> Propagated:
    """The only object with a name."""
    (found,) = [one for one in propagations(fleet).objects if one.key.name == name]
    return found
