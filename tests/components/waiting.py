"""Names of the registered resources that others wait for, by what they are to a cluster."""

from __future__ import annotations

from tests.components.registered_graph import Graph, Resource
from topology import Fleet

RULES_TO_ISTIODS = ("istiod-gateway", "istiod-routes")


def istiods(fleet: Fleet) -> list[str]:
    """The clusters whose name an istiod carries."""
    return [cluster for cluster in fleet.clusters if fleet.is_primary(cluster)]


def of_kind(fleet: Fleet, kind: str) -> list[str]:
    """The clusters whose control plane is `own`, `remote` or `external`."""
    return [name for name, declared in fleet.clusters.items() if declared.control_plane.kind == kind]


def beside_istiod(fleet: Fleet, primary: str, what: str) -> str:
    """What stands in the cluster in which the istiod of `primary` runs: `namespace`, `cacerts` or `istiod`."""
    host = fleet.hosting(primary)
    if host != primary:
        return f"{host}/external-{primary}-{what}"
    return f"{primary}/{'istio-system' if what == 'namespace' else what}"


def answering(fleet: Fleet, primary: str) -> str:
    """What is done when the istiod that carries the name of `primary` answers."""
    if fleet.clusters[fleet.hosting(primary)].simulated:
        return f"{primary}/istiod-process"
    return beside_istiod(fleet, primary, "istiod")


def ready(fleet: Fleet, cluster: str) -> str:
    """What is done when istiod answers in a cluster, wherever it runs."""
    return answering(fleet, cluster) if fleet.is_primary(cluster) else f"{cluster}/served"


def istiod_chart(cluster: str) -> str:
    """The release of the istiod chart in a cluster, which is not always istiod itself."""
    return f"{cluster}/istiod"


def gateway_address(fleet: Fleet, cluster: str) -> str:
    """What tells the address of a cluster's gateway."""
    return f"{cluster}/east-west-gateway-{'address' if fleet.clusters[cluster].simulated else 'service'}"


def crossing(graph: Graph, fleet: Fleet) -> list[tuple[Resource, Resource]]:
    """Edges that lead from one cluster to another."""
    return [
        (resource, other)
        for resource, other in graph.edges()
        if resource.cluster in fleet.clusters and other.cluster in fleet.clusters and resource.cluster != other.cluster
    ]


def needed(graph: Graph, fleet: Fleet) -> set[tuple[str, str]]:
    """Every edge between clusters that something needs: who waits, and for what."""
    pairs = set()
    for name in fleet.clusters:
        primary, host = fleet.primary_of(name), fleet.hosting(name)
        if fleet.is_primary(name):
            pairs |= {
                (f"{name}/remote-secrets", f"{peer}/{what}")
                for peer in fleet.peers_of(name)
                # The address of a peer's API server goes into its kubeconfig beside the token.
                for what in ("reader-token", "processes")
            }
        if host != name:
            pairs.add((istiod_chart(name), gateway_address(fleet, host)))
        if primary != name:
            pairs |= {
                (istiod_chart(name), f"{primary}/istiod-address"),
                (f"{name}/served", f"{primary}/remote-secrets"),
                # Where it can be asked how it is.
                (f"{name}/served", f"{primary}/istiod-process"),
                *((f"{name}/served", f"{host}/{rule}") for rule in RULES_TO_ISTIODS),
            }
        elif host != name:
            pairs |= {
                (f"{host}/external-{name}-cacerts", f"{name}/intermediate"),
                (f"{host}/external-{name}-kubeconfig", f"{name}/istiod-token"),
                (f"{host}/external-{name}-kubeconfig", f"{name}/processes"),
                (f"{name}/istiod-process", f"{host}/external-{name}-istiod"),
                # Where its port is forwarded for istioctl.
                (f"{name}/istiod-process", f"{host}/processes"),
                # Where pods run, that release is done when istiod answers.
                *((resource.name, answering(fleet, name)) for resource in graph.custom if resource.cluster == name),
            }
    return {(first, second) for first, second in pairs if {first, second} <= graph.names()}
