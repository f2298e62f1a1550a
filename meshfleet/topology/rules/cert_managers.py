"""The cluster in which cert-manager issues: one of the fleet that no peer can read, since keys are in it."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.cert_manager import CERT_MANAGER_GROUP, CERT_MANAGER_RELEASE, CertManager
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.discovery import discovers
from meshfleet.topology.draft import Draft

_INSTALLATION = ("install", "charts", "version", "values")
_OF_CHART = {"charts", "version", "values"}


def cert_managers(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each cluster that cannot hold keys of authorities, and where cert-manager cannot be installed.

    A control plane that reads a cluster can read each Secret in it (docs/security.md).
    """
    installed: dict[str, tuple[str, CertManager]] = {}
    for mesh, declared in draft.meshes.items():
        trust = declared.trust
        if trust.by_istio_csr:
            yield from _beside_istio_csr(draft, mesh, trust.cert_manager, installed)
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
            what = "keys of the intermediates are" if chosen.issuer_ref else "root's key is"
            yield Fault(
                f"{path}.cluster",
                f"the {what} in {name}, and the control planes of {', '.join(found)} read every Secret there; "
                f"write clusters.{name}.discovery.readBy: [], or name a cluster that no other one reads",
            )
        if cluster := draft.clusters.get(name):
            yield from _faults_of_chart(path, name, chosen, cluster)
        yield from _differing(path, mesh, name, chosen, installed)


def _beside_istio_csr(
    draft: Draft, mesh: str, chosen: CertManager, installed: dict[str, tuple[str, CertManager]]
) -> Iterator[Fault]:
    """It is in each cluster of the mesh, one of which another mesh may have its intermediates issued in."""
    path = f"meshes.{mesh}.trust.certManager"
    for name, cluster in draft.clusters.items():
        if draft.mesh_of(cluster) == mesh and cluster.capabilities.runs_published:
            yield from _differing(path, mesh, name, chosen, installed)
    # Beside the issuer this is said of its cluster.
    if not chosen.install and draft.meshes[mesh].trust.issuer != "cert-manager":
        yield from _without_chart(path, chosen, "something else installs cert-manager")


def _differing(
    path: str, mesh: str, name: str, chosen: CertManager, installed: dict[str, tuple[str, CertManager]]
) -> Iterator[Fault]:
    """A cluster has one cert-manager, whatever needs it there."""
    other, same = installed.setdefault(name, (mesh, chosen))
    for field in _INSTALLATION:
        mine, theirs = getattr(chosen, field), getattr(same, field)
        if mine != theirs:
            yield Fault(
                f"{path}.{field}",
                f"{_difference(mine, other, theirs)}; both use the cert-manager of {name}, so write the same",
            )


def _faults_of_chart(path: str, name: str, chosen: CertManager, cluster: Cluster) -> Iterator[Fault]:
    """The chart has settings where it is installed, and issuers of other groups are asked there."""
    process = cluster.capabilities.istiod_runtime == "process"
    if chosen.install and not process:
        if not cluster.capabilities.runs_published:
            yield from _faults_of_built_chart(path, name, chosen)
        return
    reference = chosen.issuer_ref
    if chosen.install and reference and reference.group != CERT_MANAGER_GROUP:
        yield Fault(
            f"{path}.issuerRef.group",
            f"is {shown(reference.group)}, and cert-manager is a process beside {name}, which has the issuers of CAs "
            "and of Vault alone; install it yourself and write install: false",
        )
    why = f"cert-manager is a process beside {name}" if chosen.install else "something else installs cert-manager"
    yield from _without_chart(path, chosen, why)


def _without_chart(path: str, chosen: CertManager, why: str) -> Iterator[Fault]:
    for field in sorted(chosen.model_fields_set & _OF_CHART):
        yield Fault(f"{path}.{field}", f"belongs to the chart of cert-manager, and {why}; leave it out")


def _faults_of_built_chart(path: str, name: str, chosen: CertManager) -> Iterator[Fault]:
    """Its images are of one release, and its chart is of the same."""
    if chosen.version != CERT_MANAGER_RELEASE:
        yield Fault(
            f"{path}.version",
            f"is {shown(chosen.version)}, and the images of cert-manager that are built for {name} are of "
            f"{CERT_MANAGER_RELEASE}; leave it out, or use images: published",
        )
    if "charts" in chosen.model_fields_set:
        yield Fault(
            f"{path}.charts",
            f"is not used, since the chart is built with the images of {name}; leave it out, or use images: published",
        )


def _difference(mine: object, mesh: str, theirs: object) -> str:
    """One value beside that of another mesh, where both can be said in a word."""
    if not isinstance(mine, str | bool):
        return f"is not that of {mesh}"
    first, second = (shown(one) if isinstance(one, str) else str(one).lower() for one in (mine, theirs))
    return f"is {first}, and that of {mesh} {second}"


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
