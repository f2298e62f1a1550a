"""Istio's charts base and istiod in a cluster, wherever its istiod runs: istiod once for each revision.

Source: https://istio.io/latest/docs/setup/install/helm/
"""

from __future__ import annotations

from meshfleet.manifests import control_plane, gateway_api, istiod_endpoints, names
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """The chart base, and the istiod chart of each revision."""
    webhooks = control_plane.webhooks(fleet, cluster, fleet.istio.revision, known)
    before = (Point.SYSTEM_PREPARED, *gateway_api.before(fleet, cluster))
    base = Document(names.BASE, SECTION, control_plane.base(fleet, cluster, webhooks), after=before)
    found = [base]
    for revision in fleet.istio.installed:
        release = istiod(fleet, cluster, revision, known)
        led = istiod_endpoints.documents(fleet, cluster, revision, known)
        # After the release, which may have had objects of these names.
        found.append(release)
        found += [
            Document(name, SECTION, body, after=(release.name,), declared_in="clusters.<name>.controlPlane")
            for name, body in led.items()
        ]
    return found


def istiod(fleet: Fleet, cluster: str, revision: str, known: Known) -> Document:
    """The istiod chart of a revision; an istiod of the cluster's own waits for the authority that it signs with."""
    led = istiod_endpoints.place(fleet, cluster, known)
    release = control_plane.istiod(
        fleet,
        cluster,
        revision,
        control_plane.webhooks(fleet, cluster, revision, known),
        roots=known.roots(cluster),
        root_certificates=known.root_certificates(cluster) if fleet.has_istio_csr(cluster) else None,
        address=led.address if led and led.standard else None,
    )
    authority: tuple[str, ...] = (names.CACERTS,) if fleet.clusters[cluster].control_plane.kind == "own" else ()
    if fleet.has_istio_csr(cluster):
        authority = (names.ISTIOD_CERTIFICATE, names.ISTIO_CSR)
    # Readers lose what an earlier version of the chart let them do when they have the rights that take its place.
    rights = names.READER_RIGHTS if fleet.readers_of(cluster) else ()
    return Document(names.istiod_service(revision), SECTION, release, after=(names.BASE, *authority, *rights))


SECTION = Section(
    name="charts",
    stage=Stage.CONTROL_PLANE,
    component="ControlPlane",
    documents=documents,
    declared_in="istio",
    what="the releases `istio-base` and `istiod`, one for each revision; for simulated pods, istiod as a process",
    waits_for="the system namespace; `cacerts`, which must be there before istiod first starts; where istiod runs in "
    "another cluster, the address of the gateway in front of it",
)
