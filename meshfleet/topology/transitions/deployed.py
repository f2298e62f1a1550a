"""The description of what is deployed, read with care: a run that failed may have left gaps in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DeployedCluster:
    """What is known of a cluster; a text is empty where it is not.

    `served_by` is empty for a cluster whose control plane is its own; `ranges` has the ranges of its pods and
    Services by their keys, None for the default, and lacks what is not known.
    """

    provider: str = ""
    mesh: str = ""
    kind: str = ""
    served_by: str = ""
    namespace: str = ""
    network: str = ""
    ranges: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Deployed:
    """What is there, by name: clusters, and the trust domain of each mesh, empty where it is not known."""

    clusters: Mapping[str, DeployedCluster] = field(default_factory=dict)
    trust_domains: Mapping[str, str] = field(default_factory=dict)

    def servers_of(self, name: str) -> frozenset[str]:
        """The other clusters without which this one has no control plane: its primary, and where that one's runs."""
        found: set[str] = set()
        while name in self.clusters and (server := self.clusters[name].served_by) and server not in found:
            found.add(server)
            name = server
        return frozenset(found)

    def served_by(self, server: str) -> tuple[str, ...]:
        """The clusters whose control plane runs in another one, or carries its name."""
        return tuple(name for name in self.clusters if server in self.servers_of(name) and name != server)


def read(description: Mapping[str, Any] | None, gone: Collection[str] = ()) -> Deployed:
    """What a description says, without the clusters that are `gone`."""
    said = description if isinstance(description, Mapping) else {}
    return Deployed(
        {name: _cluster(name, entry) for name, entry in _named(said.get("clusters")).items() if name not in gone},
        {name: _text(entry, "trustDomain") for name, entry in _named(said.get("meshes")).items()},
    )


def _named(entries: object) -> dict[str, Mapping[str, Any]]:
    found = [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []
    return {entry["name"]: entry for entry in found if isinstance(entry.get("name"), str)}


def _cluster(name: str, entry: Mapping[str, Any]) -> DeployedCluster:
    plane = entry.get("controlPlane")
    plane = plane if isinstance(plane, Mapping) else {}
    served_by = _text(plane, "of")
    return DeployedCluster(
        provider=_text(entry, "provider"),
        mesh=_text(entry, "mesh"),
        kind=_text(plane, "kind"),
        served_by="" if served_by == name else served_by,
        namespace=_text(plane, "namespace"),
        network=_text(entry, "network"),
        ranges={key: entry[key] for key in ("podCidr", "serviceCidr") if key in entry},
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""
