"""Gateways: into networks, between clusters, and from outside."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import ABSENT, Wrong, on_one_network

NETWORK = "networks.network-east"
GATEWAYS = f"{NETWORK}.gateways"


def gateways(*declared: object, **more: object) -> dict[str, object]:
    """Changes that declare gateways into the network of `east`."""
    return {GATEWAYS: list(declared), **more}


INTO_NETWORKS = [
    *(
        Wrong(
            f"gateway into a network at {address}",
            gateways({"address": address}),
            {f"{GATEWAYS}[0].address": part},
        )
        for address, part in {
            "": "'' is neither an IP address nor a DNS name; write it as 203.0.113.7 or gateway.west.example",
            "gateway": "'gateway' is neither",
            "Gateway.Example": "'Gateway.Example' is neither",
            "300.1.2.3": "'300.1.2.3' is neither",
            "fe80::1%eth0": "is neither",
            "https://gateway.example": "is neither",
            "gateway.example:15443": "is neither",
            "10.0.0.0/8": "is neither",
            "127.0.0.1": "'127.0.0.1' is no address that other clusters reach",
            "::1": "'::1' is no address that other clusters reach",
            "0.0.0.0": "'0.0.0.0' is no address",
            "224.0.0.1": "'224.0.0.1' is no address",
            "169.254.1.1": "'169.254.1.1' is no address",
        }.items()
    ),
    Wrong(
        "gateway into a network without an address",
        gateways({"port": 15443}),
        {f"{GATEWAYS}[0].address": "missing; it must be given"},
    ),
    *(
        Wrong(
            f"gateway into a network with the port {port!r}",
            gateways({"address": "203.0.113.7", "port": port}),
            {f"{GATEWAYS}[0].port": part},
        )
        for port, part in ((0, "0: "), (65536, "65536: "), ("15443", "'15443' is not a whole number; leave the quotes"))
    ),
    Wrong(
        "unknown key of a gateway into a network",
        gateways({"adress": "203.0.113.7", "address": "203.0.113.7"}),
        {f"{GATEWAYS}[0].adress": "did you mean address? known are address, port"},
    ),
    Wrong("gateways that are a mapping", {GATEWAYS: {"address": "203.0.113.7"}}, {GATEWAYS: "is not a list"}),
    Wrong(
        "the same gateway twice, in two spellings",
        gateways({"address": "2001:db8::7"}, {"address": "2001:DB8:0::7"}),
        {f"{GATEWAYS}[1]": "'2001:db8::7' with port 15443 is also networks.network-east.gateways[0]"},
    ),
    Wrong(
        "one gateway into two networks",
        gateways({"address": "203.0.113.7"}, **{"networks.network-west.gateways": [{"address": "203.0.113.7"}]}),
        {f"{GATEWAYS}[0]": "is also networks.network-west.gateways[0]; a gateway leads into one network"},
    ),
    Wrong(
        "gateway into the only network",
        {**on_one_network(), "networks.network-west.gateways": [{"address": "203.0.113.7"}]},
        {"networks.network-west.gateways": "its mesh has the one network 'network-west'"},
    ),
    Wrong(
        "gateway into the only network of one of two meshes",
        gateways(
            {"address": "203.0.113.7"},
            **{"meshes.mesh2": {}, "clusters.west.mesh": "mesh1", "clusters.east.mesh": "mesh2"},
        ),
        {GATEWAYS: "its mesh has the one network 'network-east'"},
    ),
    Wrong(
        "gateway into an ambient network",
        gateways(
            {"address": "203.0.113.7"},
            **{"clusters.west.dataPlane": "ambient", "clusters.east.dataPlane": "ambient"},
        ),
        {GATEWAYS: "clusters on it are ambient, and such gateways speak HBONE"},
    ),
    Wrong(
        "gateway into a network that nobody is on, with a cluster that is unreadable",
        gateways({"address": "203.0.113.7"}, **{"clusters.east.embedded": ABSENT}),
        {"clusters.east": "names no provider"},
    ),
]

GATEWAY_FAULTS = [*INTO_NETWORKS]
