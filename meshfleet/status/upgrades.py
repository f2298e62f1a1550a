"""From the documents of earlier versions to the current one: a pure function for each version that ever was.

Each takes a document of its version and gives one of the next. What is of another type than expected is left as it
is: the models name it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from meshfleet.status.version import UNVERSIONED

Document = dict[str, Any]

# Null says something of these.
_NULLABLE: Final = ("podCidr", "serviceCidr")
# What fields are in a document that a release from before the field wrote.
_CLUSTER: Final[Document] = {
    "role": "member",
    "provider": "embedded",
    "region": "",
    "zone": "",
    "podCidr": None,
    "serviceCidr": None,
    "context": None,
    "server": None,
    "identity": None,
    "dataPlane": "sidecar",
    "pods": "simulated",
    "gateway": None,
    "ingressGateways": [],
    "workloads": [],
    "injected": None,
    "intermediateNotAfter": None,
    "injectedNamespaces": [],
}
_CONTROL_PLANE: Final[Document] = {
    "revision": "default",
    "namespace": "istio-system",
    "debugUrl": None,
    "gatewayRevision": "",
    "tags": [],
    "revisions": [],
}
_REVISION: Final[Document] = {"version": "", "debugUrl": None}
_GATEWAY: Final[Document] = {"address": None, "port": 15443, "network": "", "named": False}
_WORKLOAD: Final[Document] = {"echo": False, "allowedCallers": [], "versions": []}
_WORKLOAD_VERSION: Final[Document] = {"weight": None, "headers": {}}
_INJECTED: Final[Document] = {"workloads": {}, "gateways": {}, "eastWest": {}}
_MESH: Final[Document] = {
    "trustDomain": "cluster.local",
    "model": "",
    "settings": {"meshConfig": {}, "objects": []},
    "networkGateways": [],
    "rootFingerprint": None,
    "rootNotAfter": None,
    "roots": [],
    "signing": None,
    "trust": "",
}
_SETTINGS: Final[Document] = {"meshConfig": {}, "objects": []}
_ROOT: Final[Document] = {"notAfter": None}
_NETWORK_GATEWAY: Final[Document] = {"port": 15443}
_MACHINE: Final[Document] = {
    "network": "",
    "serviceAccount": "",
    "labels": {},
    "selector": {},
    "locality": "",
    "ports": [],
    "host": None,
    "group": None,
    "addresses": [],
}


def from_unversioned(document: Mapping[str, Any]) -> Document:
    """Version 1 of a document without a version: every field that some release did not write yet is filled in."""
    return {
        **document,
        "version": 1,
        "clusters": _each(document.get("clusters", []), _cluster),
        "meshes": _each(document.get("meshes", []), _mesh),
        "virtualMachines": _each(document.get("virtualMachines", []), _machine),
    }


def part_of_unversioned(document: Mapping[str, Any]) -> Document:
    """The same for a rollout plan, to which a field that was not written, or a gap, is not known."""
    lists = {key: document.get(key) or [] for key in ("clusters", "meshes")}
    return {**document, "version": 1, **{key: _without_gaps(entries) for key, entries in lists.items()}}


@dataclass(frozen=True)
class Upgrade:
    """From one version to the next: of the whole document, and of the part that a rollout plan reads."""

    whole: Callable[[Mapping[str, Any]], Document]
    part: Callable[[Mapping[str, Any]], Document]


UPGRADES: Final[Mapping[int, Upgrade]] = {UNVERSIONED: Upgrade(from_unversioned, part_of_unversioned)}
"""The upgrade of each version that a document may have to the next one."""


def _without_gaps(entries: Any) -> Any:
    if not isinstance(entries, list | tuple):
        return entries
    return [
        {key: value for key, value in entry.items() if value is not None or key in _NULLABLE}
        if isinstance(entry, Mapping)
        else entry
        for entry in entries
        if entry is not None and not (isinstance(entry, Mapping) and entry.get("name") is None)
    ]


def _cluster(found: Document) -> Document:
    cluster = _CLUSTER | found
    if isinstance(plane := cluster.get("controlPlane"), Mapping):
        plane = _CONTROL_PLANE | {"of": cluster.get("name")} | {**plane}
        cluster["controlPlane"] = plane | {"revisions": _each(plane["revisions"], _filled(_REVISION))}
    cluster["gateway"] = _one(cluster["gateway"], _filled(_GATEWAY))
    cluster["workloads"] = _each(cluster["workloads"], _workload)
    cluster["injected"] = _one(cluster["injected"], _filled(_INJECTED))
    return cluster


def _workload(found: Document) -> Document:
    workload = _WORKLOAD | found
    return workload | {"versions": _each(workload["versions"], _filled(_WORKLOAD_VERSION))}


def _mesh(found: Document) -> Document:
    mesh = _MESH | found
    mesh["settings"] = _one(mesh["settings"], _filled(_SETTINGS))
    mesh["networkGateways"] = _each(mesh["networkGateways"], _filled(_NETWORK_GATEWAY))
    mesh["roots"] = _each(mesh["roots"], _filled(_ROOT))
    return mesh


def _machine(found: Document) -> Document:
    return _MACHINE | {"cluster": found.get("controlPlane")} | found


def _filled(missing: Document) -> Callable[[Document], Document]:
    return lambda found: missing | found


def _each(value: Any, upgrade: Callable[[Document], Document]) -> Any:
    return [_one(entry, upgrade) for entry in value] if isinstance(value, list | tuple) else value


def _one(value: Any, upgrade: Callable[[Document], Document]) -> Any:
    return upgrade(dict(value)) if isinstance(value, Mapping) else value
