"""Gateways at a port of every node: what a Service of type NodePort cannot have beside it, and ports that two want.

istiod finds such an east-west gateway at the external IP of each node and the node port of its port for mutual TLS; of
the port for HBONE it knows no node port (extractGatewaysInner of pilot/pkg/serviceregistry/kube/controller/network.go
of istio/istio).

Source: https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.draft import Draft
from meshfleet.topology.gateways import ISTIOD_PORT, WEBHOOK_PORT, EastWestGateway, IngressGateway, LoadBalanced
from meshfleet.topology.rules.gateway_addresses import gateways_of

FOUND_BY_ISTIOD = "https://github.com/istio/istio/blob/master/pilot/pkg/serviceregistry/kube/controller/network.go"
_AS_NODE_PORT = "use `type: NodePort`"


def node_ports(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each field that goes with the other type of Service, and for each node port of two gateways."""
    for name, cluster in draft.clusters.items():
        first: dict[int, str] = {}
        for path, gateway in gateways_of(name, cluster):
            ports = ports_of(gateway)
            if gateway.type == "LoadBalancer":
                for key in ports:
                    yield Fault(
                        f"{path}.{key}", f"goes with a Service of type NodePort alone; leave it out, or {_AS_NODE_PORT}"
                    )
                continue
            yield from _with_node_port(path, gateway, cluster)
            own: dict[int, tuple[str, int]] = {}
            for key, (port, node_port) in ports.items():
                place = f"{path}.{key}"
                other, chosen = own.setdefault(port, (place, node_port))
                if chosen != node_port:
                    yield Fault(place, f"{node_port}, and {other} is {chosen} for the same port {port}; leave it out")
                    continue
                before = first.setdefault(node_port, other)
                if before != other:
                    yield Fault(
                        place,
                        f"{node_port} is also {before}, and a node port leads to one port in a cluster; use another, "
                        "or leave it out, and the cluster assigns one",
                    )


def ports_of(gateway: LoadBalanced) -> dict[str, tuple[int, int]]:
    """The ports of a gateway's Service with the node ports that they ask for, by the path below it."""
    if isinstance(gateway, EastWestGateway):
        ports = gateway.node_ports
        asked = {
            "nodePorts.tls": (gateway.port, ports.tls),
            "nodePorts.istiod": (ISTIOD_PORT, ports.istiod),
            "nodePorts.webhook": (WEBHOOK_PORT, ports.webhook),
        }
    elif isinstance(gateway, IngressGateway):
        # Listeners at one port are one port of the Service.
        asked = {f"listeners[{at}].nodePort": (one.port, one.node_port) for at, one in enumerate(gateway.listeners)}
    else:
        return {}
    return {key: (port, node_port) for key, (port, node_port) in asked.items() if node_port is not None}


def _with_node_port(path: str, gateway: LoadBalanced, cluster: Cluster) -> Iterator[Fault]:
    instead = "leave it out, or use `type: LoadBalancer`"
    if gateway.load_balancer_ip:
        yield Fault(f"{path}.loadBalancerIp", f"a Service of type NodePort has no load balancer; {instead}")
    if gateway.hostname:
        yield Fault(f"{path}.hostname", f"a Service of type NodePort has no load balancer that gives a name; {instead}")
    if isinstance(gateway, EastWestGateway) and cluster.data_plane == "ambient":
        yield Fault(
            f"{path}.type",
            "NodePort, and the cluster is ambient: of the port for HBONE istiod knows no node port; "
            f"use LoadBalancer ({FOUND_BY_ISTIOD})",
        )
