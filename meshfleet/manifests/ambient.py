"""Istio's ambient mode: the CNI node agent, ztunnel, gateways that speak HBONE, and waypoints.

Source: https://istio.io/latest/docs/ambient/install/multicluster/multi-primary_multi-network/
"""

from __future__ import annotations

from meshfleet.manifests.gateway_api import gateway, revision_label
from meshfleet.manifests.load_balancing import gateway_options, gateway_spec, service_options
from meshfleet.manifests.objects import Chart, Object, Release, metadata
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.manifests.trust import ROOTS_ANNOTATION
from meshfleet.topology import EastWestGateway, Fleet, Namespace
from meshfleet.topology.system_names import EAST_WEST_GATEWAY, ISTIO_SYSTEM

GATEWAY_OPTIONS = f"{EAST_WEST_GATEWAY}-options"
WAYPOINT = "waypoint"
HBONE_PORT = 15008
GLOBAL = "istio.io/global"


def settings(fleet: Fleet, cluster: str) -> dict[str, str]:
    """What istiod is told by its environment; the flag for several networks breaks meshes of sidecars, so only here.

    Source: pilot/pkg/features/ambient.go of istio/istio
    """
    mesh = fleet.mesh_of(cluster)
    if not fleet.is_ambient(mesh):
        return {}
    several = len(fleet.networks_of(mesh)) > 1
    return {"PILOT_ENABLE_AMBIENT": "true"} | ({"AMBIENT_ENABLE_MULTI_NETWORK": "true"} if several else {})


def istiod_values(fleet: Fleet, cluster: str) -> Object:
    """What the istiod chart gets beside what every control plane gets."""
    if fleet.clusters[cluster].data_plane != "ambient":
        return {}
    scopes = [
        # The first is the profile's own, which a list of ours replaces.
        {"servicesSelector": {"matchExpressions": [_is_global()]}, "scope": "GLOBAL"},
        {"namespaceSelector": {"matchExpressions": [_is_global()]}, "scope": "GLOBAL"},
    ]
    return {"profile": "ambient", "meshConfig": {"serviceScopeConfigs": scopes}}


def after(fleet: Fleet, cluster: str, roots: object) -> dict[str, Release]:
    """The releases that come after istiod, by name: the agents on each node.

    `roots` tells the roots of the mesh from any others. A ztunnel learns of them with the certificates it gets, which
    it keeps for half a day; a recreated one has new ones.
    """
    if fleet.clusters[cluster].data_plane != "ambient":
        return {}
    waits = fleet.clusters[cluster].capabilities.runs_pods
    mesh = fleet.mesh_of(cluster)
    ztunnel: Object = {
        "multiCluster": {"clusterName": cluster},
        "network": fleet.clusters[cluster].network,
        "meshConfig": {"trustDomain": fleet.meshes[mesh].trust_domain},
        "podAnnotations": {ROOTS_ANNOTATION: roots},
    }
    cni: Object = {"profile": "ambient"}
    if fleet.istio.revision != "default":
        ztunnel["revision"] = fleet.istio.revision
    return {
        "istio-cni": Release("istio-cni", ISTIO_SYSTEM, Chart.CNI, cni, wait=waits),
        "ztunnel": Release("ztunnel", ISTIO_SYSTEM, Chart.ZTUNNEL, ztunnel, wait=waits),
    }


def east_west_gateway(fleet: Fleet, cluster: str) -> Object:
    """The gateway into the cluster's network: istiod makes its Deployment and Service from this object.

    Source: samples/multicluster/gen-eastwest-gateway.sh --ambient of istio/istio
    """
    listener = {
        "name": "mesh",
        "port": HBONE_PORT,
        "protocol": "HBONE",
        "tls": {"mode": "Terminate", "options": {"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"}},
    }
    declared = fleet.clusters[cluster].east_west_gateway or EastWestGateway()
    described = metadata(
        EAST_WEST_GATEWAY,
        ISTIO_SYSTEM,
        labels={"topology.istio.io/network": fleet.gateway_network(cluster)} | revision_label(fleet),
        annotations=declared.service_annotations,
    )
    made = gateway(described, "istio-east-west", [listener])
    made["spec"] |= gateway_spec(GATEWAY_OPTIONS, declared)
    return made


def options_of_gateway(fleet: Fleet, cluster: str, known: Known) -> Object:
    """What istiod's template for that gateway is overlaid with."""
    declared = fleet.clusters[cluster].east_west_gateway or EastWestGateway()
    # Nothing of it is read at the start alone: istiod writes its Deployment again, and sends ambient proxies the rest.
    return gateway_options(GATEWAY_OPTIONS, ISTIO_SYSTEM, declared, {}, service_options(fleet, cluster, known))


def waypoints(fleet: Fleet, cluster: str) -> dict[str, Object]:
    """The waypoint proxy of each declared namespace that has one, by namespace; of one name everywhere.

    Source: https://istio.io/latest/docs/ambient/usage/waypoint/
    """
    if fleet.clusters[cluster].data_plane != "ambient":
        return {}
    listener = {"name": "mesh", "port": HBONE_PORT, "protocol": "HBONE"}
    made = {}
    for name, namespace in fleet.namespaces_of(cluster).items():
        if namespace.waypoint:
            labels = {"istio.io/waypoint-for": "service"} | revision_label(fleet)
            if namespace.global_services:
                labels[GLOBAL] = "true"
            made[name] = gateway(metadata(WAYPOINT, name, labels=labels), "istio-waypoint", [listener])
    return made


def ambient_labels(namespace: Namespace) -> dict[str, str]:
    """The labels by which a namespace of an ambient cluster is in the mesh, has a waypoint, and is global."""
    labels = {}
    if namespace.injection:
        labels["istio.io/dataplane-mode"] = "ambient"
    if namespace.waypoint:
        labels["istio.io/use-waypoint"] = WAYPOINT
    if namespace.global_services:
        labels[GLOBAL] = "true"
    return labels


def _is_global() -> Object:
    return {"key": GLOBAL, "operator": "In", "values": ["true"]}


def _node_agents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    releases = after(fleet, cluster, known.roots(cluster)).items()
    return [Document(name, NODE_AGENTS, release, after=(Point.ISTIOD_READY,)) for name, release in releases]


NODE_AGENTS = Section(
    name="node-agents",
    stage=Stage.CONTROL_PLANE,
    component="ControlPlane",
    documents=_node_agents,
    declared_in="clusters.<name>.dataPlane",
    what="in ambient mode the releases `istio-cni` and `ztunnel`",
    waits_for="a ready istiod",
)
