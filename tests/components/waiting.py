"""Names of the registered resources that others wait for, by what they are to a cluster."""

from __future__ import annotations

from meshfleet.components.tokens import remote_readiness
from meshfleet.manifests import istiod_endpoints
from meshfleet.manifests.names import istiod_service
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.topology import Fleet
from tests.components.registered_graph import Graph, Resource

RULES_TO_ISTIODS = ("istiod-gateway", "istiod-routes")


def istiods(fleet: Fleet) -> list[str]:
    """The clusters whose name an istiod carries, or one istiod for each revision."""
    return [cluster for cluster in fleet.clusters if fleet.is_primary(cluster)]


def of_kind(fleet: Fleet, kind: str) -> list[str]:
    """The clusters whose control plane is `own`, `remote` or `external`."""
    return [name for name, declared in fleet.clusters.items() if declared.control_plane.kind == kind]


def beside_istiod(fleet: Fleet, primary: str, what: str) -> str:
    """What stands in the cluster in which the istiods of `primary` run: `namespace` or `cacerts`."""
    host = fleet.hosting(primary)
    if host != primary:
        return f"{host}/external-{primary}-{what}"
    return f"{primary}/{'istio-system' if what == 'namespace' else what}"


def istiod_itself(fleet: Fleet, primary: str, revision: str) -> str:
    """The release whose pods are a revision of the istiod that carries the name of `primary`, simulated or not."""
    host = fleet.hosting(primary)
    name = istiod_service(revision)
    return f"{primary}/{name}" if host == primary else f"{host}/external-{primary}-{name}"


def istiod_process(primary: str, revision: str) -> str:
    """That istiod where it is a process."""
    return f"{primary}/{istiod_service(revision)}-process"


def istiod_address(primary: str, revision: str) -> str:
    """The ports that are reserved for that process."""
    return f"{primary}/{istiod_service(revision)}-address"


def istiod_chart(cluster: str, revision: str) -> str:
    """The release of a revision's istiod chart in a cluster, which is not always istiod itself."""
    return f"{cluster}/{istiod_service(revision)}"


def served(cluster: str, revision: str) -> str:
    """What is done when another cluster's istiod of that revision serves this one."""
    return f"{cluster}/{remote_readiness(revision)}"


def answering(fleet: Fleet, primary: str, revision: str) -> str:
    """What is done when a revision of the istiod that carries the name of `primary` answers."""
    if fleet.clusters[fleet.hosting(primary)].capabilities.istiod_runtime == "process":
        return istiod_process(primary, revision)
    return istiod_itself(fleet, primary, revision)


def ready(fleet: Fleet, cluster: str, revision: str) -> str:
    """What is done when a revision of istiod answers in a cluster, wherever it runs."""
    return answering(fleet, cluster, revision) if fleet.is_primary(cluster) else served(cluster, revision)


def all_ready(fleet: Fleet, cluster: str) -> set[str]:
    """What is done when every revision of istiod answers in a cluster."""
    return {ready(fleet, cluster, revision) for revision in fleet.istio.installed}


def gateway_address(fleet: Fleet, cluster: str) -> str:
    """What tells the address of a cluster's gateway."""
    gateway = fleet.clusters[cluster].east_west_gateway
    if gateway and gateway.type == "NodePort" and fleet.clusters[cluster].capabilities.gateway_addresses == "cluster":
        # The plugin looks for an external IP among the nodes, unless another address is advertised.
        return f"{cluster}/east-west-gateway{'' if gateway.advertised else '-address'}"
    match fleet.clusters[cluster].capabilities.gateway_addresses:
        case "fleet":
            return f"{cluster}/east-west-gateway-address"
        case "cluster":
            return f"{cluster}/east-west-gateway-service"
        case "node":
            # Its own release, since the address is that of the node.
            return f"{cluster}/east-west-gateway"


def leads_to_istiod(fleet: Fleet, cluster: str, revision: str) -> tuple[str, str]:
    """What leads a cluster to its istiod in another one, and the property that has the address there."""
    led = istiod_endpoints.documents(fleet, cluster, revision, Placeholders(fleet))
    if not led:
        return istiod_chart(cluster, revision), "values"
    return f"{cluster}/{istiod_endpoints.names(revision)[1]}", "endpoints"


def crossing(graph: Graph, fleet: Fleet) -> list[tuple[Resource, Resource]]:
    """Edges that lead from one cluster to another."""
    return [
        (resource, other)
        for resource, other in graph.edges()
        if resource.cluster in fleet.clusters and other.cluster in fleet.clusters and resource.cluster != other.cluster
    ]


WAYS = ("processes", "identity", "nodes")
"""What hands on how to reach the API server of an embedded cluster, an existing one, and one of kind."""


def needed(graph: Graph, fleet: Fleet) -> set[tuple[str, str]]:
    """Every edge between clusters that something needs: who waits, and for what."""
    pairs = set()
    for name in fleet.clusters:
        if fleet.is_primary(name):
            pairs |= {
                (f"{name}/{mine}", f"{peer}/{what}")
                for peer in fleet.reads(name)
                # What the Secret gets is tried first.
                for mine in ("remote-clusters", "remote-secrets")
                # The address of a peer's API server goes into its kubeconfig beside the token.
                for what in ("reader-token", "processes")
            }
            if fleet.hosting(name) != name:
                host = fleet.hosting(name)
                pairs |= {
                    (f"{host}/external-{name}-cacerts", f"{name}/intermediate"),
                    (f"{host}/external-{name}-kubeconfig", f"{name}/istiod-token"),
                    (f"{host}/external-{name}-kubeconfig", f"{name}/processes"),
                    (f"{host}/external-{name}-kubeconfig", f"{name}/config-cluster"),
                }
        for revision in fleet.istio.installed:
            pairs |= _needed_for(graph, fleet, name, revision)
    # Of an existing cluster its identity hands on how to reach it, as the processes of an embedded one do.
    pairs |= {(first, second.replace("/processes", f"/{what}")) for first, second in pairs for what in WAYS}
    # The address of a gateway on a node is that of the node.
    on_nodes = {cluster for cluster in fleet.clusters if f"{cluster}/nodes" in graph.names()}
    pairs |= {
        (first, f"{cluster}/nodes")
        for first, second in pairs
        for cluster in on_nodes
        if second == f"{cluster}/east-west-gateway"
    }
    # A name for callers from outside leads to the gateways of several clusters.
    pairs |= {
        (f"{one}/dns-{name}", f"{other}/ingress-address-{declared.ingress_gateway}")
        for name, declared in fleet.dns_endpoints.items()
        for one in fleet.clusters
        for other in fleet.clusters
    }
    if fleet.portal is not None:
        # It reaches every API server, by an account with the rights that its users need.
        pairs |= {
            (f"{fleet.host}/portal", name)
            for name in graph.names()
            if name.partition("/")[2] in WAYS or name.partition("/")[2].startswith("portal-")
        }
    return {(first, second) for first, second in pairs if {first, second} <= graph.names()}


def _needed_for(graph: Graph, fleet: Fleet, name: str, revision: str) -> set[tuple[str, str]]:
    """The edges that a revision of the istiod which serves a cluster needs."""
    primary, host = fleet.primary_of(name), fleet.hosting(name)
    pairs = set()
    if host != name:
        pairs.add((leads_to_istiod(fleet, name, revision)[0], gateway_address(fleet, host)))
    if primary != name:
        pairs |= {
            (istiod_chart(name, revision), istiod_address(primary, revision)),
            (served(name, revision), f"{primary}/remote-secrets"),
            # Where it can be asked how it is.
            (served(name, revision), istiod_process(primary, revision)),
            *((served(name, revision), f"{host}/{rule}") for rule in RULES_TO_ISTIODS),
        }
        if revision == fleet.istio.revision:
            # A tag is a webhook that leads to the same istiod.
            pairs |= {(f"{name}/tag-{tag}", istiod_address(primary, revision)) for tag in fleet.istio.tags}
    elif host != name:
        pairs |= {
            (istiod_process(name, revision), istiod_itself(fleet, name, revision)),
            # Where its port is forwarded for istioctl.
            (istiod_process(name, revision), f"{host}/processes"),
            # Where pods run, that release is done when istiod responds.
            *(
                (resource.name, answering(fleet, name, revision))
                for resource in graph.custom
                if resource.cluster == name
            ),
        }
    return pairs
