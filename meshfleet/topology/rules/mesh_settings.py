"""Settings of a mesh name what its clusters have, and what its data plane acts on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.draft import Draft
from meshfleet.topology.mesh_settings import Locality

AMBIENT_DNS = "https://istio.io/latest/docs/ops/configuration/traffic-management/dns-proxy/"
AMBIENT_SERVICES = "https://istio.io/latest/docs/ambient/install/multicluster/"


def mesh_settings(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each region in a failover without a cluster, and for a setting that ambient mode ignores."""
    # While a cluster is unreadable its region is unknown.
    if len(draft.clusters) != len(draft.names["clusters"]):
        return
    for name, mesh in draft.meshes.items():
        clusters = [cluster for cluster in draft.clusters.values() if draft.mesh_of(cluster) == name]
        if mesh.settings.locality is not None:
            yield from _regions(f"meshes.{name}.settings.locality", mesh.settings.locality, clusters)
        ambient = any(cluster.data_plane == "ambient" for cluster in clusters)
        if mesh.settings.dns_capture and ambient:
            yield Fault(
                f"meshes.{name}.settings.dnsCapture",
                f"ztunnels of ambient mode do so by themselves; leave it out ({AMBIENT_DNS})",
            )
        if mesh.settings.cluster_local and ambient:
            yield Fault(
                f"meshes.{name}.settings.clusterLocal",
                "ztunnels of ambient mode ignore it; leave it out: there a Service stays in its cluster unless "
                f"namespaces.<name>.globalServices is true ({AMBIENT_SERVICES})",
            )


def _regions(path: str, locality: Locality, clusters: Sequence[Cluster]) -> Iterator[Fault]:
    regions = list(dict.fromkeys(cluster.region for cluster in clusters if cluster.region))
    for position, failover in enumerate(locality.failover):
        for key, region in (("from", failover.origin), ("to", failover.to)):
            if region not in regions:
                yield Fault(
                    f"{path}.failover[{position}].{key}",
                    f"no cluster of the mesh is in the region {shown(region)}; "
                    f"known are {', '.join(regions) or 'none'}",
                )
