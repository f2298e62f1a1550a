"""Gateways: into networks, between clusters, and from outside."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import ABSENT, Wrong, on_one_network

NETWORK = "networks.network-east"
GATEWAYS = f"{NETWORK}.gateways"
EAST_WEST = "clusters.west.eastWestGateway"
INGRESS = "clusters.west.ingressGateways"
LISTENERS = f"{INGRESS}.shop.listeners"
PLAIN = {"api": "istio", "listeners": [{"port": 80}]}
REMOTE = {"clusters.east.controlPlane": {"remote": "west"}}
REMOTE_INGRESS = "clusters.east.ingressGateways"


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
            "127.0.0.1": "'127.0.0.1' is not an address that other clusters reach",
            "::1": "'::1' is not an address that other clusters reach",
            "0.0.0.0": "'0.0.0.0' is not an address",
            "224.0.0.1": "'224.0.0.1' is not an address",
            "169.254.1.1": "'169.254.1.1' is not an address",
        }.items()
    ),
    Wrong(
        "gateway into a network without an address",
        gateways({"port": 15443}),
        {f"{GATEWAYS}[0].address": "missing; required"},
    ),
    *(
        Wrong(
            f"gateway into a network with the port {port!r}",
            gateways({"address": "203.0.113.7", "port": port}),
            {f"{GATEWAYS}[0].port": part},
        )
        for port, part in (
            (0, "0: "),
            (65536, "65536: "),
            ("15443", "must be an integer, got '15443'; remove the quotes"),
        )
    ),
    Wrong(
        "unknown key of a gateway into a network",
        gateways({"adress": "203.0.113.7", "address": "203.0.113.7"}),
        {f"{GATEWAYS}[0].adress": "did you mean address? known are address, port"},
    ),
    Wrong("gateways that are a mapping", {GATEWAYS: {"address": "203.0.113.7"}}, {GATEWAYS: "must be a list"}),
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

BETWEEN_CLUSTERS = [
    *(
        Wrong(
            f"east-west gateway at the address {address}",
            {f"{EAST_WEST}.loadBalancerIp": address},
            {f"{EAST_WEST}.loadBalancerIp": part},
        )
        for address, part in {
            "gateway.west.example": "is not an IP address; write it as 203.0.113.7 or 2001:db8::7",
            "": "'' is not an IP address",
            "127.0.0.1": "is not an address that other clusters reach",
        }.items()
    ),
    *(
        Wrong(
            f"east-west gateway called {name}",
            {f"{EAST_WEST}.hostname": name},
            {f"{EAST_WEST}.hostname": "is not a DNS name; write it in full, as gateway.west.example"},
        )
        for name in ("203.0.113.7", "gateway", "*.example", "gateway..example", "a" * 250 + ".example")
    ),
    Wrong(
        "east-west gateway with an address and a name",
        {EAST_WEST: {"loadBalancerIp": "203.0.113.7", "hostname": "gateway.west.example"}},
        {EAST_WEST: "has a loadBalancerIp and a hostname; a load balancer gives one of them"},
    ),
    *(
        Wrong(f"{count} pods of a gateway", {f"{EAST_WEST}.replicas": count}, {f"{EAST_WEST}.replicas": f"{count}: "})
        for count in (0, 101)
    ),
    Wrong(
        "one address of two gateways between clusters",
        {f"{EAST_WEST}.loadBalancerIp": "203.0.113.7", "clusters.east.eastWestGateway.loadBalancerIp": "203.0.113.7"},
        {
            "clusters.east.eastWestGateway.loadBalancerIp": "'203.0.113.7' is also "
            "clusters.west.eastWestGateway.loadBalancerIp; give each gateway an address of its own"
        },
    ),
    Wrong(
        "address of a gateway that is declared with the network",
        gateways({"address": "203.0.113.7"}, **{"clusters.east.eastWestGateway": {"loadBalancerIp": "203.0.113.7"}}),
        {"clusters.east.eastWestGateway.loadBalancerIp": "is also networks.network-east.gateways[0].address"},
    ),
    Wrong(
        "name of a gateway whose load balancer gives one",
        {
            "clusters.west": {
                "network": "network-west",
                "existing": {"kubeconfig": "west.yaml", "context": "west"},
                "eastWestGateway": {"hostname": "gateway.west.example"},
            },
            "clusters.east": {"network": "network-east", "existing": {"kubeconfig": "east.yaml", "context": "east"}},
        },
        {f"{EAST_WEST}.hostname": "the pods of 'west' are real, and its load balancer gives the gateway its name"},
    ),
]

FROM_OUTSIDE = [
    *(
        Wrong(f"ingress gateway called {name}", {f"{INGRESS}.{name}": {**PLAIN}}, {f"{INGRESS}.{name}": part})
        for name, part in {
            "Shop": "'Shop' is not a DNS label",
            "shop_1": "'shop_1' is not a DNS label",
            "s" * 58: "has 58 characters; at most 53 are allowed, since it names a Helm release",
            "istio-eastwestgateway": "'istio-eastwestgateway' is reserved; reserved are ",
            "eastwestgateway": "'eastwestgateway' is reserved",
            "waypoint": "'waypoint' is reserved",
            "istiod-blue": "'istiod-blue' is reserved",
        }.items()
    ),
    Wrong(
        "ingress gateway that is called as the Service of another one",
        {INGRESS: {"shop": {**PLAIN, "api": "gateway"}, "shop-istio": PLAIN}},
        {f"{INGRESS}.shop-istio": "is what istiod calls the Service of 'shop'; use another name"},
    ),
    Wrong(
        "ingress gateway without its kind",
        {f"{INGRESS}.shop": {"listeners": [{"port": 80}]}},
        {f"{INGRESS}.shop.api": "missing; required"},
    ),
    Wrong(
        "ingress gateway of an unknown kind",
        {f"{INGRESS}.shop": {**PLAIN, "api": "kubernetes"}},
        {f"{INGRESS}.shop.api": "must be 'istio' or 'gateway', got 'kubernetes'"},
    ),
    Wrong(
        "ingress gateway that takes nothing",
        {f"{INGRESS}.shop": {"api": "istio", "listeners": []}},
        {f"{INGRESS}.shop.listeners": "the list is empty; a gateway takes something"},
    ),
    Wrong(
        "ingress gateway in a namespace that nobody declares",
        {f"{INGRESS}.shop": {**PLAIN, "namespace": "shops"}},
        {f"{INGRESS}.shop.namespace": "no namespace is named 'shops'; known are shop"},
    ),
    Wrong(
        "ingress gateway in a namespace of another cluster",
        {"namespaces.shop.clusters": ["east"], f"{INGRESS}.shop": {**PLAIN, "namespace": "shop"}},
        {f"{INGRESS}.shop.namespace": "the namespace 'shop' exists in east only; add 'west' to its clusters"},
    ),
    Wrong(
        "ingress gateway of the Gateway API in a remote cluster",
        {**REMOTE, f"{REMOTE_INGRESS}.shop": {**PLAIN, "api": "gateway"}},
        {
            f"{REMOTE_INGRESS}.shop.api": "'east' is a remote cluster of 'west', and istiod deploys Gateways of the "
            "Gateway API in its config cluster only (https://istio.io/latest/docs/tasks/traffic-management/ingress/"
            "gateway-api/#automated-deployment); use `api: istio`, or declare the gateway in 'west'"
        },
    ),
    Wrong(
        "ingress gateway of a remote cluster in a namespace that its config cluster has not",
        {
            **REMOTE,
            "namespaces.shop.clusters": ["east"],
            f"{REMOTE_INGRESS}.shop": {**PLAIN, "namespace": "shop"},
        },
        {
            f"{REMOTE_INGRESS}.shop.namespace": "the namespace 'shop' exists in east only; add 'west' to its "
            "clusters, where its Gateway is read"
        },
    ),
    Wrong(
        "ingress gateway of a remote cluster in a namespace that the remote cluster has not",
        {
            **REMOTE,
            "namespaces.shop.clusters": ["west"],
            f"{REMOTE_INGRESS}.shop": {**PLAIN, "namespace": "shop"},
        },
        {f"{REMOTE_INGRESS}.shop.namespace": "the namespace 'shop' exists in west only; add 'east' to its clusters"},
    ),
    Wrong(
        "ingress gateway of a remote cluster whose Gateway is called as one of the primary",
        {**REMOTE, f"{REMOTE_INGRESS}.shop": PLAIN, f"{INGRESS}.east-shop": PLAIN},
        {
            f"{REMOTE_INGRESS}.shop": "its Gateway in 'west' is called 'east-shop', as that of "
            "clusters.west.ingressGateways.east-shop; use another name"
        },
    ),
    Wrong(
        "ingress gateways of two remote clusters whose Gateways have one name",
        {
            **REMOTE,
            f"{REMOTE_INGRESS}.a-b": PLAIN,
            "clusters.east-a": {"embedded": {}, "network": "network-a", "controlPlane": {"remote": "west"}}
            | {"ingressGateways": {"b": PLAIN}},
            "networks.network-a": {},
        },
        {
            "clusters.east-a.ingressGateways.b": "its Gateway in 'west' is called 'east-a-b', as that of "
            "clusters.east.ingressGateways.a-b; use another name"
        },
    ),
    Wrong(
        "ingress gateway of a remote cluster whose Gateway is called as one of the fleet",
        {
            "clusters.cross": {"embedded": {}, "network": "network-a", "controlPlane": {"remote": "west"}}
            | {"ingressGateways": {"network-gateway": PLAIN}},
            "networks.network-a": {},
        },
        {
            "clusters.cross.ingressGateways.network-gateway": "its Gateway in 'west' is called "
            "'cross-network-gateway', which is reserved; use another name"
        },
    ),
    Wrong(
        "listener that cannot be, in every way at once",
        {
            f"{INGRESS}.shop": {
                "api": "gateway",
                "listeners": [
                    {"port": 80, "credentialName": "shop"},
                    {"port": 443, "protocol": "HTTPS"},
                    {"port": 15021},
                    {"port": 8080, "hosts": []},
                    {"port": 80, "protocol": "TLS", "hosts": ["shop.example"]},
                    {"port": 8081, "hosts": ["shop.example", "shop.example"]},
                ],
            }
        },
        {
            f"{LISTENERS}[0].credentialName": "HTTP is plain text and needs no certificate; use HTTPS, or leave it out",
            f"{LISTENERS}[1].credentialName": "missing; HTTPS needs the name of the Secret with the certificate",
            f"{LISTENERS}[2].port": "the port 15021 is one of the proxy's own; use another, such as 443",
            f"{LISTENERS}[3].hosts": "the list is empty; name a host, or leave the list out for every host",
            f"{LISTENERS}[4].protocol": "TLS at port 80 is TLS, and clusters.west.ingressGateways.shop.listeners[0] "
            "takes plain text there; use another port",
            f"{LISTENERS}[5].hosts[1]": "'shop.example' at port 8081 is also "
            "clusters.west.ingressGateways.shop.listeners[5].hosts[0]; give each host once for a port",
        },
    ),
    Wrong(
        "one host of two listeners at a port",
        {
            f"{INGRESS}.shop": {
                "api": "istio",
                "listeners": [{"port": 80, "hosts": ["a.example"]}, {"port": 80, "hosts": ["b.example", "a.example"]}],
            }
        },
        {f"{LISTENERS}[1].hosts[1]": "'a.example' at port 80 is also clusters.west.ingressGateways.shop.listeners[0]"},
    ),
    *(
        Wrong(
            f"listener for the host {host}",
            {f"{INGRESS}.shop": {"api": "istio", "listeners": [{"port": 80, "hosts": [host]}]}},
            {f"{LISTENERS}[0].hosts[0]": "is not a host; write it as shop.example, as *.example"},
        )
        for host in ("", "shop", "Shop.Example", "shop.*", "*.*.example", "203.0.113.7", "https://shop.example")
    ),
    *(
        Wrong(
            f"certificate in a Secret called {name[:20]!r}",
            {
                f"{INGRESS}.shop": {
                    "api": "istio",
                    "listeners": [{"port": 443, "protocol": "HTTPS", "credentialName": name}],
                }
            },
            {f"{LISTENERS}[0].credentialName": part},
        )
        for name, part in (
            ("shop/tls", "'shop/tls' is not the name of a Secret"),
            ("Shop", "'Shop' is not the name of a Secret"),
            ("s" * 254, "has 254 characters; name a Secret, which holds the certificate and its key"),
        )
    ),
    Wrong(
        "listener with another protocol",
        {f"{INGRESS}.shop": {"api": "istio", "listeners": [{"port": 80, "protocol": "TCP"}]}},
        {f"{LISTENERS}[0].protocol": "must be 'HTTP', 'HTTPS' or 'TLS', got 'TCP'"},
    ),
    Wrong(
        "one address of a gateway between clusters and one from outside",
        {
            f"{EAST_WEST}.loadBalancerIp": "203.0.113.7",
            f"{INGRESS}.shop": {**PLAIN, "loadBalancerIp": "203.0.113.7"},
        },
        {f"{INGRESS}.shop.loadBalancerIp": "is also clusters.west.eastWestGateway.loadBalancerIp"},
    ),
]

GATEWAY_FAULTS = [*INTO_NETWORKS, *BETWEEN_CLUSTERS, *FROM_OUTSIDE]
