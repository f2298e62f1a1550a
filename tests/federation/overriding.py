"""Objects with pod templates, and overrides of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from meshfleet.federation.overrides import Overridden, faults, overridden
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.propagation.overrides import Override

PLACE = "propagations.shop"
KINDS = {
    "Pod": "v1",
    "PodTemplate": "v1",
    "ReplicationController": "v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "Rollout": "example.org/v1",
}


def workload(kind: str, name: str = "web", **spec: Any) -> dict[str, Any]:
    """An object with an init container `setup` and the containers `web` and `side`."""
    pod: dict[str, Any] = {
        "initContainers": [{"name": "setup", "image": "setup:1"}],
        "containers": [
            {"name": "web", "image": "web:1", "args": ["a", "b"], "env": [{"name": "A", "value": "1"}]},
            {"name": "side", "image": "side:1"},
        ],
    }
    head = {"apiVersion": KINDS[kind], "kind": kind, "metadata": {"name": name, "namespace": "shop"}}
    match kind:
        case "Pod":
            return {**head, "spec": pod}
        case "PodTemplate":
            return {**head, "template": {"spec": pod}}
        case "CronJob":
            return {**head, "spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}, **spec}}
        case _:
            return {**head, "spec": {"template": {"spec": pod}, **spec}}


def pod_of(body: dict[str, Any]) -> dict[str, Any]:
    """The specification of the pod in a workload."""
    match body["kind"]:
        case "Pod":
            pod = body["spec"]
        case "PodTemplate":
            pod = body["template"]["spec"]
        case "CronJob":
            pod = body["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        case _:
            pod = body["spec"]["template"]["spec"]
    return dict(pod)


def container_of(body: dict[str, Any], name: str = "web") -> dict[str, Any]:
    pod = pod_of(body)
    return next(each for each in [*pod["initContainers"], *pod["containers"]] if each["name"] == name)


def images_of(body: dict[str, Any]) -> dict[str, str]:
    pod = pod_of(body)
    return {each["name"]: each["image"] for each in [*pod["initContainers"], *pod["containers"]]}


def config(data: dict[str, str], name: str = "settings") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": data}


def parsed_overrides(*given: dict[str, Any]) -> tuple[Override, ...]:
    return tuple(Override.model_validate(each) for each in given)


def named_cluster(name: str) -> Callable[[ClusterAffinity], bool]:
    """A cluster that is selected by its name alone."""
    return lambda affinity: not affinity.cluster_names or name in affinity.cluster_names


def applied(body: dict[str, Any], *given: dict[str, Any], cluster: str = "west") -> Overridden:
    return overridden(body, parsed_overrides(*given), named_cluster(cluster), PLACE)


def faults_of(
    objects: Sequence[dict[str, Any]], *given: dict[str, Any], clusters: Sequence[str] = ("west", "east")
) -> dict[str, str]:
    found = faults(PLACE, objects, parsed_overrides(*given), [named_cluster(name) for name in clusters])
    return {fault.path: fault.message for fault in found}
