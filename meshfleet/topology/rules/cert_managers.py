"""The cluster in which cert-manager issues: one of the fleet that no peer can read, since the root's key is in it."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.discovery import discovers
from meshfleet.topology.draft import Draft


def cert_managers(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each cluster that cannot hold a root's key, and where cert-manager cannot be installed.

    A control plane that reads a cluster can read each Secret in it (docs/security.md).
    """
    installed: dict[str, tuple[str, bool]] = {}
    for mesh, declared in draft.meshes.items():
        trust = declared.trust
        if trust.issuer != "cert-manager":
            continue
        path, chosen = f"meshes.{mesh}.trust.certManager", trust.cert_manager
        name = chosen.cluster or draft.host
        if name not in draft.names["clusters"]:
            if chosen.cluster:
                known = ", ".join(draft.names["clusters"]) or "none"
                yield Fault(f"{path}.cluster", f"no cluster is named {shown(name)}; known are {known}")
            continue
        if found := readers(draft, name):
            yield Fault(
                f"{path}.cluster",
                f"the root's key is in {name}, and the control planes of {', '.join(found)} read every Secret there; "
                f"write clusters.{name}.discovery.readBy: [], or name a cluster that no other one reads",
            )
        cluster = draft.clusters.get(name)
        if cluster is not None and chosen.install and cluster.capabilities.istiod_runtime == "pod":
            yield Fault(
                f"{path}.install",
                f"the fleet installs cert-manager as a process, and the pods of {name} are real; install its chart "
                "there, and write install: false",
            )
        other, same = installed.setdefault(name, (mesh, chosen.install))
        if same is not chosen.install:
            yield Fault(
                f"{path}.install",
                f"is {str(chosen.install).lower()}, and that of {other} {str(same).lower()}; both use the cert-manager "
                f"of {name}, so write the same",
            )


def readers(draft: Draft, name: str) -> list[str]:
    """The other clusters whose control planes read this one, as `Fleet.readers_of`."""
    cluster = draft.clusters.get(name)
    if cluster is None:
        return []
    mesh = draft.mesh_of(cluster)
    return [
        other
        for other, declared in draft.clusters.items()
        if other != name
        and declared.control_plane.kind != "remote"
        and draft.mesh_of(declared) == mesh
        and discovers(other, name, cluster.discovery.read_by)
    ]
