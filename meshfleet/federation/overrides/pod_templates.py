"""Where the pod template of an object is, and changes of the containers in it.

Only what changes is copied: a container, the lists and mappings above it.

Source: https://kubernetes.io/docs/concepts/workloads/pods/#pod-templates
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from meshfleet.redaction.shown import shown
from meshfleet.topology.propagation.kinds import kind_of

Object = dict[str, Any]
Change = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
"""What is made of a container; None where there is nothing to change."""

INIT: Final = "initContainers"
CONTAINERS: Final = "containers"
_TEMPLATE: Final = ("spec", "template", "spec")
_PATHS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("", "Pod"): ("spec",),
    ("", "PodTemplate"): ("template", "spec"),
    ("", "ReplicationController"): _TEMPLATE,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
    ("batch", "Job"): _TEMPLATE,
}


def pod_path(body: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Where the pod of an object is described, if it has one; of a custom resource at `spec.template.spec`."""
    path = _PATHS.get(kind_of(body), _TEMPLATE)
    there: Any = body
    for step in path:
        if not isinstance(there, Mapping) or step not in there:
            return None
        there = there[step]
    return path if isinstance(there, Mapping) and isinstance(there.get(CONTAINERS), list) else None


def with_containers(body: Object, name: str | None, change: Change, *, init: bool) -> Object | None:
    """The object with what `change` makes of the container `name`, or of each without one.

    `init` says whether init containers are meant too where none is named. None where nothing changed.
    """
    path = pod_path(body)
    if path is None:
        return None
    pod: Any = body
    for step in path:
        pod = pod[step]
    lists = {}
    for field in (INIT, CONTAINERS) if init or name is not None else (CONTAINERS,):
        made = _changed(pod.get(field), name, change)
        if made is not None:
            lists[field] = made
    return _put(body, path, {**pod, **lists}) if lists else None


def _changed(containers: Any, name: str | None, change: Change) -> list[Any] | None:
    made = None
    for position, container in enumerate(containers if isinstance(containers, list) else ()):
        if not isinstance(container, Mapping) or name not in (None, container.get("name")):
            continue
        changed = change(container)
        if changed is not None:
            made = list(containers) if made is None else made
            made[position] = changed
    return made


def _put(body: Object, path: tuple[str, ...], value: Any) -> Object:
    """The object with a value at a path of mappings."""
    step, *rest = path
    return {**body, step: _put(body[step], tuple(rest), value) if rest else value}


def containers_of(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Init containers and containers of an object's pod template."""
    pod: Any = body
    for step in pod_path(body) or ():
        pod = pod[step]
    for field in (INIT, CONTAINERS) if pod is not body else ():
        yield from (each for each in pod.get(field) or () if isinstance(each, Mapping))


def containers_there(body: Mapping[str, Any], name: str | None) -> str:
    """What an object has of containers, for a message about a change that fits none."""
    if pod_path(body) is None:
        return "has no pod template"
    known = ", ".join(str(each.get("name")) for each in containers_of(body)) or "none"
    return f"has no container {shown(name)}; its containers are {known}" if name is not None else f"containers: {known}"
