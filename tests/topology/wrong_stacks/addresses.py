"""Addresses and ranges that no cluster can have, and those that this machine's networks cannot."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import Wrong, existing, on_one_network

PROCESSES = {"clusters.west.embedded": {"pods": "processes"}}
GATEWAY = "clusters.west.eastWestGateway"

SPECIAL = [
    Wrong(
        f"range of {what}: {block}",
        {"clusters.west.podCidr": block},
        {"clusters.west.podCidr": f"{block} overlaps {special} ({what})"},
    )
    for block, special, what in [
        ("127.0.0.0/8", "127.0.0.0/8", "loopback"),
        ("127.64.0.0/16", "127.0.0.0/8", "loopback"),
        ("96.0.0.0/3", "127.0.0.0/8", "loopback"),
        ("224.0.0.0/4", "224.0.0.0/4", "multicast"),
        ("239.1.0.0/16", "224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "240.0.0.0/4", "reserved"),
        ("255.255.0.0/16", "240.0.0.0/4", "reserved"),
        ("0.0.0.0/8", "0.0.0.0/8", "this host on this network"),
        ("0.0.0.0/0", "0.0.0.0/8", "this host on this network"),
        ("169.254.0.0/16", "169.254.0.0/16", "link-local"),
        ("fe80::/64", "fe80::/10", "link-local"),
        ("ff00::/8", "ff00::/8", "multicast"),
        ("::/0", "::/128", "the unspecified address"),
        ("::1/128", "::1/128", "loopback"),
        ("::ffff:a00:0/112", "::ffff:0:0/96", "IPv4-mapped, write the IPv4 address"),
    ]
]

EMBEDDED = [
    Wrong(
        "IPv6 pods of an embedded cluster",
        {"clusters.west.podCidr": "fd00:10:1::/64"},
        {"clusters.west.podCidr": "fd00:10:1::/64 is IPv6, and an embedded cluster has IPv4 alone; use 10.10.0.0/16"},
    ),
    Wrong(
        "IPv6 pods and Services of processes",
        {**PROCESSES, "clusters.west.podCidr": "fd00:10:1::/64", "clusters.west.serviceCidr": "fd00:10:2::/112"},
        {"clusters.west.podCidr": "is IPv6", "clusters.west.serviceCidr": "is IPv6"},
    ),
    Wrong(
        "range of this machine's gateways",
        {"clusters.west.podCidr": "198.18.0.0/16"},
        {"clusters.west.podCidr": "198.18.0.0/16 overlaps 198.18.0.0/16, which gateways have on this machine"},
    ),
    Wrong(
        "range that covers those of this machine",
        {"clusters.west.serviceCidr": "198.16.0.0/13"},
        {"clusters.west.serviceCidr": ("which gateways have", "which virtual machines have")},
    ),
    Wrong(
        "Services in too large a range",
        {"clusters.west.serviceCidr": "10.0.0.0/11"},
        {"clusters.west.serviceCidr": "10.0.0.0/11 is a /11; an embedded cluster takes /12 to /24"},
    ),
    Wrong(
        "Services in too small a range",
        {"clusters.west.serviceCidr": "10.0.0.0/30"},
        {"clusters.west.serviceCidr": "10.0.0.0/30 is a /30; an embedded cluster takes /12 to /24"},
    ),
    Wrong(
        "pods in a range of one address",
        {"clusters.west.podCidr": "10.0.1.1/32"},
        {"clusters.west.podCidr": "10.0.1.1/32 is a /32; an embedded cluster takes /8 to /26"},
    ),
    Wrong(
        "more nodes than their range has room for",
        {"clusters.west.podCidr": "10.10.0.0/23", "clusters.west.embedded.nodes": 3},
        {"clusters.west.podCidr": "10.10.0.0/23 has room for 2 nodes of a /24 each, not for 3"},
    ),
    Wrong(
        "Services among the pods that have no range",
        {**PROCESSES, "clusters.west.serviceCidr": "100.64.0.0/16"},
        {"clusters.west.serviceCidr": "100.64.0.0/16 overlaps 100.64.0.0/10, from which the pods of 'west' have"},
    ),
    Wrong(
        "pods among those of a neighbour without a range",
        {**on_one_network(podCidr="100.64.0.0/16"), **PROCESSES},
        {"clusters.east.podCidr": "or give 'west' a podCidr"},
    ),
]

PROCESS_ADDRESSES = [
    Wrong(
        "IPv6 gateway of processes",
        {**PROCESSES, GATEWAY: {"loadBalancerIp": "2001:db8::10"}},
        {f"{GATEWAY}.loadBalancerIp": "'2001:db8::10' is not routed between the networks of this machine"},
    ),
    Wrong(
        "gateway of processes outside of the networks",
        {**PROCESSES, GATEWAY: {"loadBalancerIp": "203.0.113.7"}},
        {f"{GATEWAY}.loadBalancerIp": "use an address of 198.18.0.0/16, or leave it out"},
    ),
    Wrong(
        "gateway of processes at the end of the range",
        {**PROCESSES, GATEWAY: {"loadBalancerIp": "198.18.255.255"}},
        {f"{GATEWAY}.loadBalancerIp": "'198.18.255.255' is not routed"},
    ),
    Wrong(
        "gateway of processes with a name",
        {**PROCESSES, GATEWAY: {"hostname": "gateway.west.example"}},
        {f"{GATEWAY}.hostname": "is resolved by no DNS server of this machine's networks"},
    ),
    Wrong(
        "IPv6 gateway that processes have to reach",
        {**PROCESSES, "clusters.east.eastWestGateway": {"loadBalancerIp": "2001:db8::10"}},
        {"clusters.east.eastWestGateway.loadBalancerIp": "the pods of 'west' are processes"},
    ),
    Wrong(
        "declared network gateway that processes have to reach",
        {**PROCESSES, "networks.network-east.gateways": [{"address": "2001:db8::10"}, {"address": "203.0.113.7"}]},
        {
            "networks.network-east.gateways[0].address": "'2001:db8::10' is not routed",
            "networks.network-east.gateways[1].address": "'203.0.113.7' is not routed",
        },
    ),
    Wrong(
        "machines that processes have to reach",
        {
            **PROCESSES,
            "virtualMachines.cart": {
                "namespace": "shop",
                "cluster": "west",
                "addresses": ["2001:db8::7", "198.18.0.7"],
            },
        },
        {
            "virtualMachines.cart.addresses[0]": "'2001:db8::7' is IPv6, and the pods of 'west' have IPv4 alone",
            "virtualMachines.cart.addresses[1]": "which gateways have on this machine",
        },
    ),
    Wrong(
        "gateway with an address for documentation of this host",
        {"clusters.west": existing(pods="simulated") | {"eastWestGateway": {"loadBalancerIp": "0.1.2.3"}}},
        {f"{GATEWAY}.loadBalancerIp": "it is in 0.0.0.0/8 (this host on this network)"},
    ),
    Wrong(
        "gateway with an IPv4-mapped address",
        {GATEWAY: {"loadBalancerIp": "::ffff:203.0.113.7"}},
        {f"{GATEWAY}.loadBalancerIp": "(IPv4-mapped, write the IPv4 address)"},
    ),
]

ADDRESSES = [*SPECIAL, *EMBEDDED, *PROCESS_ADDRESSES]
