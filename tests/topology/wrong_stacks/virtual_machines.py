"""Virtual machines: what they belong to, what they are called by, and where they are."""

from __future__ import annotations

from typing import Any

from tests.topology.wrong_stacks.wrong import ABSENT, Wrong, on_one_network

MACHINES = "virtualMachines"
PATH = f"{MACHINES}.billing"
PLAIN: dict[str, Any] = {"namespace": "shop", "cluster": "west", "ports": {"http": {"port": 8080}}}
AMBIENT: dict[str, object] = {f"clusters.{name}.dataPlane": "ambient" for name in ("west", "east")}
MODES = "https://istio.io/latest/docs/overview/dataplane-modes/"
TILL: dict[str, Any] = {"cluster": "east", "network": "network-machines", "ports": {}}
EDGE: dict[str, Any] = {"network": "network-machines", "gateway": True}
PROBE: dict[str, Any] = {"tcp": {"port": 8080}}
TWO_MESHES: dict[str, object] = {"meshes.mesh2": {}, "clusters.west.mesh": "mesh1", "clusters.east.mesh": "mesh2"}


def machines(changes: dict[str, object] | None = None, **fields: object) -> dict[str, object]:
    """Changes that declare machines with the fields given beside those of `PLAIN`."""
    return {PATH: PLAIN | fields, **(changes or {})}


PLACES = [
    Wrong("machines that are a list", {MACHINES: ["billing"]}, {MACHINES: "must be a map of names to settings"}),
    Wrong("machines without anything", {PATH: None}, {f"{PATH}.cluster": "missing", f"{PATH}.namespace": "missing"}),
    Wrong(
        "machines with an unknown key",
        machines(adresses=["10.0.0.7"]),
        {f"{PATH}.adresses": "unknown key; did you mean addresses?"},
    ),
    Wrong(
        "machines with a name that is no DNS label",
        {f"{MACHINES}.Billing": PLAIN},
        {f"{MACHINES}.Billing": "'Billing' is not a DNS label"},
    ),
    Wrong(
        "machines with a name that begins with a digit",
        {f"{MACHINES}.2nd": PLAIN},
        {f"{MACHINES}.2nd": "'2nd' is not a DNS label: use lower-case letters, digits and '-', beginning with"},
    ),
    Wrong(
        "machines with a name that is too long",
        {f"{MACHINES}.{'a' * 64}": PLAIN},
        {f"{MACHINES}.{'a' * 64}": "has 64 characters; at most 63 are allowed, since it names a Service"},
    ),
    Wrong(
        "machines of an unknown namespace",
        machines(namespace="shp"),
        {f"{PATH}.namespace": "no namespace is named 'shp'; known are shop"},
    ),
    Wrong(
        "machines of an unknown cluster",
        machines(cluster="north"),
        {f"{PATH}.cluster": "no cluster is named 'north'; known are west, east"},
    ),
    Wrong(
        "machines on an unknown network",
        machines(network="network-north"),
        {f"{PATH}.network": "no network is named 'network-north'; known are network-west, network-east"},
    ),
    Wrong(
        "machines on a network of another mesh",
        machines(TWO_MESHES, network="network-east"),
        {
            f"{PATH}.network": "the network 'network-east' serves the mesh 'mesh2' through 'east'; meshes share no "
            "network: name one of 'mesh1', or declare one for these machines in `networks`"
        },
    ),
    Wrong(
        "machines of two meshes on a network of machines alone",
        machines(
            TWO_MESHES | {"networks.network-machines": {}, f"{MACHINES}.till": PLAIN | TILL},
            network="network-machines",
        ),
        {
            f"{MACHINES}.till.network": "the network 'network-machines' serves the mesh 'mesh1' through 'billing'; "
            "meshes share no network: name one of 'mesh2', or declare one for these machines in `networks`"
        },
    ),
    Wrong(
        "a gateway of machines whose network declares no address",
        machines({"networks.network-machines": {}}, **EDGE, ports={}),
        {
            f"{PATH}.gateway": "other networks find a gateway by its address, and 'network-machines' declares none; "
            "give the address at which they reach it in networks.network-machines.gateways"
        },
    ),
    Wrong(
        "a gateway of machines with a workload",
        machines({"networks.network-machines.gateways": [{"address": "203.0.113.7"}]}, **EDGE, probe=PROBE),
        {PATH: "is a gateway, which has no workload that others call, and has ports, probe; leave these out"},
    ),
    Wrong(
        "a gateway into a network of machines with the address of one of them",
        machines(
            {"networks.network-machines.gateways": [{"address": "203.0.113.7"}]},
            network="network-machines",
            addresses=["203.0.113.7"],
        ),
        {f"{PATH}.addresses[0]": "is also networks.network-machines.gateways[0].address; a machine is no gateway"},
    ),
    Wrong(
        "a gateway into a network of machines with the address of a cluster's",
        machines(
            {
                "networks.network-machines.gateways": [{"address": "203.0.113.7"}],
                "clusters.west.eastWestGateway": {"loadBalancerIp": "203.0.113.7"},
            },
            network="network-machines",
        ),
        {"clusters.west.eastWestGateway.loadBalancerIp": "is also networks.network-machines.gateways[0].address"},
    ),
    Wrong(
        "a gateway that other networks reach, of a network that machines were to be on",
        {"networks.network-machines.gateways": [{"address": "203.0.113.7"}]},
        {"networks.network-machines": "name it in a cluster's `network`, or in that of virtual machines"},
    ),
    Wrong(
        "machines on a network beside an unreadable cluster",
        machines({"clusters.east.embedded": ABSENT}, network="network-east"),
        {"clusters.east": "names no provider"},
    ),
    Wrong(
        "machines of an unreadable cluster",
        machines({"clusters.west.embedded": ABSENT}, addresses=["10.0.0.7"]),
        {"clusters.west": "names no provider"},
    ),
    Wrong(
        "machines of an unreadable namespace",
        machines({"namespaces.shop": {"injection": "maybe"}}),
        {"namespaces.shop.injection": "must be true or false"},
    ),
    Wrong(
        "machines of a namespace that is not in their cluster",
        machines({"namespaces.shop.clusters": ["east"]}),
        {f"{PATH}.namespace": "the namespace 'shop' exists in east only, and the control plane that the machines join"},
    ),
    Wrong(
        "machines of a namespace that is not where their control plane reads",
        machines(
            {"namespaces.shop.clusters": ["east"], "clusters.east.controlPlane": {"remote": "west"}}, cluster="east"
        ),
        {f"{PATH}.namespace": "reads 'west'; add that to its clusters"},
    ),
    Wrong(
        "machines in ambient mode",
        machines(AMBIENT),
        {f"{PATH}.cluster": "'west' is in ambient mode, which knows no virtual machines"},
        links=(MODES,),
    ),
]

ADDRESSES = [
    *(
        Wrong(f"machine at {address}", machines(addresses=[address]), {f"{PATH}.addresses[0]": part})
        for address, part in {
            "": "'' is not an IP address; write it as 10.0.0.7 or 2001:db8::7",
            "billing.example": "is not an IP address",
            "10.0.0.0/8": "is not an IP address",
            "fe80::1%eth0": "is not an IP address",
            "127.0.0.1": "'127.0.0.1' is not an address at which pods reach a machine",
            "::1": "is not an address at which pods reach",
            "0.0.0.0": "is not an address at which pods reach",
            "224.0.0.1": "is not an address at which pods reach",
            "169.254.169.254": "is not an address at which pods reach",
            "255.255.255.255": "is not an address at which pods reach",
        }.items()
    ),
    Wrong(
        "one machine twice, in two spellings",
        machines(addresses=["2001:db8::7", "2001:DB8:0::7"]),
        {f"{PATH}.addresses[1]": "'2001:db8::7' is also virtualMachines.billing.addresses[0]"},
    ),
    Wrong(
        "one address of two groups on one network",
        machines(
            {f"{MACHINES}.ledger": {**PLAIN, "cluster": "east", "network": "network-west", "addresses": ["10.0.0.7"]}},
            addresses=["10.0.0.7"],
        ),
        {
            f"{MACHINES}.ledger.addresses[0]": "'10.0.0.7' is also virtualMachines.billing.addresses[0]; "
            "on one network an address is of one machine"
        },
    ),
    Wrong(
        "machine among the pods of its network",
        machines({"clusters.west.podCidr": "10.10.0.0/16"}, addresses=["10.10.0.7"]),
        {f"{PATH}.addresses[0]": "'10.10.0.7' lies in the podCidr 10.10.0.0/16 of 'west'"},
    ),
    Wrong(
        "machine among the Services of a cluster on its network",
        machines(on_one_network(serviceCidr="10.96.0.0/16"), addresses=["10.96.0.7"]),
        {f"{PATH}.addresses[0]": "'10.96.0.7' lies in the serviceCidr 10.96.0.0/16 of 'east'"},
    ),
    Wrong(
        "machine at the address of a gateway of the mesh",
        machines({"clusters.east.eastWestGateway.loadBalancerIp": "203.0.113.7"}, addresses=["203.0.113.7"]),
        {f"{PATH}.addresses[0]": "is also clusters.east.eastWestGateway.loadBalancerIp; a machine is no gateway"},
    ),
    Wrong(
        "machine at the address of a declared gateway",
        machines({"networks.network-east.gateways": [{"address": "203.0.113.7"}]}, addresses=["203.0.113.7"]),
        {f"{PATH}.addresses[0]": "is also networks.network-east.gateways[0].address; a machine is no gateway"},
    ),
]

PORTS = [
    Wrong("machines with a port alone", machines(ports={"http": 8080}), {f"{PATH}.ports.http": "must be a map"}),
    Wrong(
        "machines with a protocol that Istio does not know by that name",
        machines(ports={"http": {"port": 8080, "protocol": "http"}}),
        {f"{PATH}.ports.http.protocol": "must be 'HTTP', 'HTTP2', 'GRPC' or 'TCP', got 'http'"},
    ),
    Wrong(
        "machines with a port whose name is no DNS label",
        machines(ports={"http_api": {"port": 8080}}),
        {f"{PATH}.ports.http_api": "'http_api' is not a DNS label"},
    ),
    Wrong(
        "machines with one port under two names",
        machines(ports={"http": {"port": 8080}, "api": {"port": 8080}}),
        {f"{PATH}.ports.http.port": "8080 is also the port 'api'; give each port one name"},
    ),
    *(
        Wrong(
            f"machines with the agent's port {port}",
            machines(ports={"http": {"port": port}}),
            {f"{PATH}.ports.http.port": f"{port} is one of 15000 to 15090, which are those of Istio's agent"},
        )
        for port in (15000, 15021, 15090)
    ),
    Wrong(
        "machines with the port of SSH",
        machines(ports={"ssh": {"port": 22, "protocol": "TCP"}}),
        {f"{PATH}.ports.ssh.port": "22 is left to SSH on every machine, past the proxy"},
    ),
    Wrong(
        "machines with a probe of the agent itself",
        machines(probe={"http": {"port": 15021, "path": "/healthz/ready"}}),
        {f"{PATH}.probe.http.port": "15021 is one of 15000 to 15090"},
    ),
    Wrong(
        "machines with two ways to probe",
        machines(probe={"http": {"port": 8080}, "tcp": {"port": 8080}}),
        {f"{PATH}.probe": "sets both http and tcp; give exactly one of them"},
    ),
    Wrong(
        "machines with no way to probe",
        machines(probe={"periodSeconds": 5}),
        {f"{PATH}.probe": "sets neither http nor tcp; give exactly one of them"},
    ),
    Wrong(
        "machines with a path that is none",
        machines(probe={"http": {"port": 8080, "path": "healthz"}}),
        {f"{PATH}.probe.http.path": "'healthz' is not a path; begin it with '/', as in /healthz"},
    ),
]

NAMES = [
    Wrong(
        "machines with a ServiceAccount that is no name",
        machines(serviceAccount="Clerk"),
        {f"{PATH}.serviceAccount": "'Clerk' is not a DNS label"},
    ),
    *(
        Wrong(
            f"machines with a token for {lifetime}",
            machines(tokenLifetime=lifetime),
            {f"{PATH}.tokenLifetime": part},
        )
        for lifetime, part in {
            "1 hour": "'1 hour' is not a length of time; write it as 1h, 90m or 1h30m",
            "": "'' is not a length of time",
            "h": "'h' is not a length of time",
            "1d": "'1d' is not a length of time",
            "9m": "'9m' is 540 s; a token lives for 10m at least and 8760h at most",
            "8761h": "a token lives for 10m at least",
        }.items()
    ),
    Wrong("machines with a token for a number", machines(tokenLifetime=3600), {f"{PATH}.tokenLifetime": "in quotes"}),
    Wrong(
        "machines with a label of the fleet",
        machines(labels={"app": "billing", "topology.istio.io/network": "network-west"}),
        {f"{PATH}.labels.topology.istio.io/network": "a machine cannot have this label: istiod sets it itself"},
    ),
    Wrong(
        "machines of two groups that nothing tells apart",
        machines({f"{MACHINES}.ledger": {**PLAIN, "labels": {"app": "billing"}}}, labels={"app": "billing"}),
        {f"{MACHINES}.ledger.labels": "what leads to 'billing' would lead to 'ledger' too"},
    ),
    Wrong(
        "machines with all labels of other ones, in another cluster",
        machines({f"{MACHINES}.ledger": {**PLAIN, "cluster": "east", "labels": {"app": "billing", "version": "v2"}}}),
        {f"{MACHINES}.ledger.labels": "what leads to 'billing' would lead to 'ledger' too"},
    ),
    Wrong(
        "machines called as a gateway is",
        machines(
            {
                "clusters.east.ingressGateways.billing": {
                    "api": "istio",
                    "namespace": "shop",
                    "listeners": [{"port": 80}],
                }
            }
        ),
        {PATH: "'billing' is what the Service of clusters.east.ingressGateways.billing is called"},
    ),
    Wrong(
        "machines with the identity of a gateway",
        machines(
            {
                "clusters.west.ingressGateways.api": {
                    "api": "gateway",
                    "namespace": "shop",
                    "listeners": [{"port": 80}],
                }
            },
            serviceAccount="api-istio",
        ),
        {f"{PATH}.serviceAccount": "'api-istio' is the identity of clusters.west.ingressGateways.api"},
    ),
    Wrong(
        "machines called as a workload of their namespace is",
        machines({"workloads.billing": {"namespace": "shop"}}),
        {PATH: "'billing' is what the Service of workloads.billing is called"},
    ),
    Wrong(
        "machines with the identity and the labels of a workload",
        machines({"workloads.cart": {"namespace": "shop"}}, serviceAccount="cart", labels={"app": "cart"}),
        {
            f"{PATH}.serviceAccount": "'cart' is the identity of workloads.cart; use another name",
            f"{PATH}.labels": "what leads to the machines would lead to pods of workloads.cart too",
        },
    ),
    Wrong(
        "machines called by two ways",
        machines(service="both"),
        {f"{PATH}.service": "must be 'service' or 'service-entry'"},
    ),
    Wrong(
        "machines with a Service and a host",
        machines(host="billing.machines.local"),
        {f"{PATH}.host": "a Service has a name by itself; leave it out"},
    ),
    Wrong(
        "machines with a ServiceEntry and no host",
        machines(service="service-entry"),
        {f"{PATH}.host": "missing; a ServiceEntry is for a name of your own, such as shop.machines.local"},
    ),
    Wrong(
        "machines with a ServiceEntry and no ports",
        machines(service="service-entry", host="billing.machines.local", ports={}),
        {f"{PATH}.ports": "missing; a ServiceEntry is for ports"},
    ),
    Wrong(
        "machines with a ServiceEntry for what a Service is called",
        machines(service="service-entry", host="billing.shop.svc.cluster.local"),
        {f"{PATH}.host": "is what a Service is called"},
    ),
    Wrong(
        "machines with a ServiceEntry that gateways do not let in",
        machines(service="service-entry", host="billing.example"),
        {f"{PATH}.host": "is not let in by the gateways between the networks of the mesh"},
    ),
    Wrong(
        "one host of two groups",
        machines(
            {
                f"{MACHINES}.ledger": {
                    **PLAIN,
                    "namespace": "shop",
                    "service": "service-entry",
                    "host": "billing.machines.local",
                }
            },
            service="service-entry",
            host="billing.machines.local",
        ),
        {f"{MACHINES}.ledger.host": "'billing.machines.local' is also virtualMachines.billing.host"},
    ),
]

VIRTUAL_MACHINES = [*PLACES, *ADDRESSES, *PORTS, *NAMES]
