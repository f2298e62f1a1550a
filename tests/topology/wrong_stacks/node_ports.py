"""Gateways at node ports, and the addresses at which others reach them."""

from __future__ import annotations

from tests.topology.wrong_stacks.gateways import EAST_WEST, GATEWAYS, INGRESS, LISTENERS, PLAIN, REMOTE, gateways
from tests.topology.wrong_stacks.wrong import Wrong

AT_NODES: dict[str, object] = {f"{EAST_WEST}.type": "NodePort"}
ADVERTISED = f"{EAST_WEST}.advertised"
BEHIND = {"address": "203.0.113.7", "port": 8443}

AT_NODE_PORTS = [
    *(
        Wrong(
            f"node port {port}", AT_NODES | {f"{EAST_WEST}.nodePorts.tls": port}, {f"{EAST_WEST}.nodePorts.tls": part}
        )
        for port, part in {29999: "29999: input should be", 32768: "32768: input should be"}.items()
    ),
    Wrong(
        "node ports of a gateway with a load balancer",
        {
            f"{EAST_WEST}.nodePorts": {"tls": 31443},
            f"{INGRESS}.shop": {**PLAIN, "listeners": [{"port": 80, "nodePort": 30080}]},
        },
        {
            f"{EAST_WEST}.nodePorts.tls": "goes with a Service of type NodePort alone; leave it out, or use `type: ",
            f"{LISTENERS}[0].nodePort": "goes with a Service of type NodePort alone",
        },
    ),
    Wrong(
        "one node port of several ports and gateways",
        AT_NODES
        | {
            f"{EAST_WEST}.nodePorts": {"tls": 31443, "istiod": 31443},
            f"{INGRESS}.shop": {"api": "istio", "type": "NodePort", "listeners": [{"port": 80, "nodePort": 31443}]},
        },
        {
            f"{EAST_WEST}.nodePorts.istiod": f"31443 is also {EAST_WEST}.nodePorts.tls, and a node port",
            f"{LISTENERS}[0].nodePort": f"31443 is also {EAST_WEST}.nodePorts.tls",
        },
    ),
    Wrong(
        "two node ports of one port",
        {
            f"{INGRESS}.shop": {
                "api": "istio",
                "type": "NodePort",
                "listeners": [
                    {"port": 80, "hosts": ["a.example"], "nodePort": 30080},
                    {"port": 80, "hosts": ["b.example"], "nodePort": 30081},
                ],
            }
        },
        {f"{LISTENERS}[1].nodePort": f"30081, and {LISTENERS}[0].nodePort is 30080 for the same port 80; leave it out"},
    ),
    Wrong(
        "load balancer of a gateway at node ports",
        AT_NODES
        | {
            f"{EAST_WEST}.loadBalancerIp": "203.0.113.7",
            f"{INGRESS}.shop": {**PLAIN, "type": "NodePort", "hostname": "shop.example"},
        },
        {
            f"{EAST_WEST}.loadBalancerIp": "a Service of type NodePort has no load balancer; leave it out",
            f"{INGRESS}.shop.hostname": "a Service of type NodePort has no load balancer that gives a name",
        },
    ),
    Wrong(
        "gateway of an ambient cluster at node ports, and one that is advertised",
        {
            "clusters.west": {"embedded": {}, "network": "network-west", "dataPlane": "ambient"},
            "clusters.east": {"embedded": {}, "network": "network-east", "dataPlane": "ambient"},
            "clusters.east.eastWestGateway": {"advertised": [BEHIND]},
            **AT_NODES,
        },
        {
            f"{EAST_WEST}.type": "of the port for HBONE istiod knows no node port; use LoadBalancer",
            "clusters.east.eastWestGateway.advertised": "the cluster is ambient",
        },
    ),
    Wrong(
        "another type of Service",
        {f"{EAST_WEST}.type": "ClusterIP"},
        {f"{EAST_WEST}.type": "'LoadBalancer' or 'NodePort'"},
    ),
]

ADVERTISED_ADDRESSES = [
    Wrong(
        "one advertised address and port of two gateways",
        {ADVERTISED: [BEHIND], "clusters.east.eastWestGateway.advertised": [BEHIND]},
        {
            "clusters.east.eastWestGateway.advertised[0]": "'203.0.113.7' with port 8443 is also "
            f"{ADVERTISED}[0], and an address and a port lead to one gateway; use another port"
        },
    ),
    Wrong(
        "advertised address that a network declares as another gateway",
        gateways({**BEHIND}, **{ADVERTISED: [BEHIND]}),
        {f"{ADVERTISED}[0]": f"is also {GATEWAYS}[0]"},
    ),
    Wrong(
        "advertised addresses to unknown clusters, and to its own",
        {ADVERTISED: [BEHIND, {"address": "203.0.113.8", "to": ["esat", "west"]}]},
        {
            f"{ADVERTISED}[1].to[0]": "no cluster is named 'esat'; this gateway is used by east",
            f"{ADVERTISED}[1].to[1]": "'west' does not use this gateway; this gateway is used by east",
        },
    ),
    Wrong(
        "two advertised addresses for one cluster",
        {ADVERTISED: [{**BEHIND, "to": ["east"]}, {"address": "203.0.113.8", "to": ["east"]}]},
        {f"{ADVERTISED}[1].to[0]": f"'east' is also {ADVERTISED}[0].to[0], and a cluster uses one"},
    ),
    Wrong(
        "two advertised addresses for all",
        {ADVERTISED: [BEHIND, {"address": "203.0.113.8"}]},
        {f"{ADVERTISED}[1]": f"{ADVERTISED}[0] is for all others too"},
    ),
    Wrong(
        "no advertised address for a cluster",
        {
            "clusters.north": {"embedded": {}, "network": "network-east"},
            ADVERTISED: [{**BEHIND, "to": ["north"]}],
        },
        {f"{ADVERTISED}[0].to": "no entry is for 'east' (its control plane reads the gateway)"},
    ),
    Wrong(
        "advertised address to a remote cluster of another control plane",
        {
            "clusters.north": {"embedded": {}, "network": "network-east", "controlPlane": {"remote": "east"}},
            ADVERTISED: [BEHIND, {"address": "203.0.113.8", "to": ["north"]}],
        },
        {f"{ADVERTISED}[1].to[0]": "the proxies of 'north' use the address that their control plane has"},
    ),
    Wrong(
        "other ports of an istiod that is reached by a name",
        {**REMOTE, ADVERTISED: [{"address": "gateway.west.example", "istiodPort": 8012, "webhookPort": 8017}]},
        {
            f"{ADVERTISED}[0].istiodPort": "8012, and 'east' reaches istiod by the name 'gateway.west.example'",
            f"{ADVERTISED}[0].webhookPort": "a Service of type ExternalName, which has no ports; use 15017",
        },
    ),
]

NODE_PORT_FAULTS = [*AT_NODE_PORTS, *ADVERTISED_ADDRESSES]
