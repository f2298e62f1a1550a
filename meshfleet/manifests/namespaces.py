"""Namespaces: Istio's own with its network label, and those the fleet declares.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#set-the-default-network-for-cluster1
"""

from __future__ import annotations

from meshfleet.manifests import names
from meshfleet.manifests.ambient import ambient_labels, waypoints
from meshfleet.manifests.objects import Object, metadata
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet, Namespace

NETWORK_LABEL = "topology.istio.io/network"
# https://istio.io/latest/docs/reference/config/annotations/#TopologyControlPlaneClusters
CONTROL_PLANES = "topology.istio.io/controlPlaneClusters"


def istio_system(fleet: Fleet, cluster: str) -> Object:
    """The namespace of the control plane that serves a cluster. Its label tells the network of all in the cluster.

    A control plane elsewhere is named in an annotation: only then does it lead in this cluster.
    """
    labels = {NETWORK_LABEL: fleet.clusters[cluster].network}
    primary = fleet.primary_of(cluster)
    annotations = {CONTROL_PLANES: primary} if primary != cluster else None
    return _namespace(fleet.system_namespace(cluster), labels, annotations)


def external_istiod(fleet: Fleet, cluster: str) -> Object:
    """The namespace in which the istiod of `cluster` runs, for the cluster that hosts it."""
    return _namespace(fleet.system_namespace(cluster), {})


def declared(fleet: Fleet, cluster: str) -> dict[str, Object]:
    """The namespaces the stack file declares for a cluster, by name, with the labels of injection where asked for."""
    ambient = fleet.clusters[cluster].data_plane == "ambient"
    labels = ambient_labels if ambient else lambda namespace: _sidecar_labels(fleet, namespace)
    return {
        name: _namespace(name, namespace.labels | labels(namespace))
        for name, namespace in fleet.namespaces_of(cluster).items()
    }


def injection_labels(fleet: Fleet) -> dict[str, str]:
    """The label that selects the fleet's revision, by its first tag where it has one.

    Source: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy
    """
    revision = fleet.istio.revision
    if fleet.istio.tags:
        return {"istio.io/rev": fleet.istio.tags[0]}
    return {"istio-injection": "enabled"} if revision == "default" else {"istio.io/rev": revision}


def _sidecar_labels(fleet: Fleet, namespace: Namespace) -> dict[str, str]:
    return injection_labels(fleet) if namespace.injection else {}


def _namespace(name: str, labels: dict[str, str], annotations: dict[str, str] | None = None) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(name, labels=labels, annotations=annotations)}


def _system(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    return [Document(names.SYSTEM_NAMESPACE, SYSTEM, istio_system(fleet, cluster))]


def _hosted(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    host = fleet.hosting(cluster)
    if not fleet.is_primary(cluster) or host == cluster:
        return []
    return [Document(names.hosted(cluster, "namespace"), HOSTED, external_istiod(fleet, cluster), cluster=host)]


def _declared(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    return [
        Document(names.namespace(name), DECLARED, body, after=(Point.ISTIOD_READY,))
        for name, body in declared(fleet, cluster).items()
    ]


def _waypoints(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    return [
        Document(f"waypoint-{name}", WAYPOINTS, body, after=(names.namespace(name),))
        for name, body in waypoints(fleet, cluster).items()
    ]


SYSTEM = Section(
    name="system-namespace",
    stage=Stage.NAMESPACE,
    component="IstioSystem",
    documents=_system,
    declared_in="clusters.<name>.network",
    what="`istio-system`, labelled with its network",
    waits_for="the API server",
)
HOSTED = Section(
    name="hosted-namespaces",
    stage=Stage.NAMESPACE,
    component="ExternalNamespace",
    documents=_hosted,
    declared_in="clusters.<name>.controlPlane",
    what="a namespace for each external istiod that runs in the cluster",
    waits_for="the API server",
    others=Fleet.hosted_by,
)
DECLARED = Section(
    name="namespaces",
    stage=Stage.WORKLOADS,
    component="Namespaces",
    documents=_declared,
    declared_in="namespaces",
    what="the declared namespaces",
    waits_for="a ready istiod, so that their first pod is in the mesh",
    always=lambda fleet, cluster: True,
)
WAYPOINTS = Section(
    name="waypoints",
    stage=Stage.WORKLOADS,
    component="Namespaces",
    documents=_waypoints,
    declared_in="namespaces.<name>.waypoint",
    what="in ambient mode their waypoints",
    waits_for="their namespace",
)
