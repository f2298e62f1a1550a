"""The east-west gateway of a cluster, and what it lets in: its services, and the control planes in it.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#install-the-east-west-gateway-in-cluster1
and https://istio.io/latest/docs/setup/install/multicluster/primary-remote/#expose-the-control-plane-in-cluster1
"""

from __future__ import annotations

from itertools import product

from meshfleet.manifests import ambient, injected, names
from meshfleet.manifests.load_balancing import chart_images, chart_replicas, chart_service, external_address
from meshfleet.manifests.names import istiod_service
from meshfleet.manifests.objects import Chart, Object, Release, metadata
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import EastWestGateway, Fleet
from meshfleet.topology.addresses import is_ip
from meshfleet.topology.fleet import EAST_WEST_LABELS
from meshfleet.topology.system_names import EAST_WEST_GATEWAY, PORT_MAP

NETWORK_PORT = 15443
SELECTOR = EAST_WEST_LABELS
GATEWAY_PORT = "networking.istio.io/gatewayPort"
NETWORK = "topology.istio.io/network"
# istiod's own ports behind each of the gateway's: discovery and certificates, and webhooks.
ISTIOD_PORTS = {15012: 15012, 15017: 443}
# https://github.com/istio/istio/blob/master/samples/multicluster/gen-eastwest-gateway.sh
PORTS = {"status-port": 15021, "tls": 15443, "tls-istiod": 15012, "tls-webhook": 15017}


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """The gateway, whose pods istiod's webhook or, in ambient mode, istiod makes; none where nothing needs one."""
    if not fleet.has_east_west_gateway(cluster):
        return []
    before = (Point.ISTIOD_READY, Point.NODES)
    name = names.EAST_WEST_GATEWAY
    if fleet.clusters[cluster].data_plane != "ambient":
        return [Document(name, EAST_WEST, east_west_gateway(fleet, cluster, known), after=before)]
    options = f"{name}-options"
    return [
        Document(options, EAST_WEST, ambient.options_of_gateway(fleet, cluster, known), after=before),
        Document(name, EAST_WEST, ambient.east_west_gateway(fleet, cluster), after=(*before, options)),
    ]


def rules(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """What gateways let in: services into their networks, proxies of other clusters to the istiods behind them.

    They are where Istio's configuration of those gateways is, once its webhooks answer.
    """
    found: dict[str, Object] = {}
    if opens_networks(fleet, cluster):
        found["cross-network-gateway"] = cross_network_gateway(fleet.system_namespace(cluster))
    if fleet.exposes_control_plane(cluster):
        found[names.ISTIOD_GATEWAY] = istiod_gateway(fleet, cluster)
        found[names.ISTIOD_ROUTES] = istiod_routes(fleet, cluster)
    decided = {"cross-network-gateway": "clusters.<name>.eastWestGateway"}
    return [
        Document(name, RULES, body, after=(Point.ISTIOD_READY,), declared_in=decided.get(name, ""))
        for name, body in found.items()
    ]


def east_west_gateway(fleet: Fleet, cluster: str, known: Known) -> Release:
    """The gateway's Deployment and its LoadBalancer Service; its pods are made by the injection webhook."""
    declared = fleet.clusters[cluster].east_west_gateway or EastWestGateway()
    runs = fleet.clusters[cluster].capabilities.runs_pods
    service = chart_service(declared, external_address(fleet, cluster, known), found=not declared.advertised)
    values: Object = {"name": EAST_WEST_GATEWAY, "service": service} | chart_images(fleet, cluster)
    if declared.advertised and fleet.clusters[cluster].capabilities.pods == "processes":
        service["annotations"] = service.get("annotations", {}) | {PORT_MAP: port_map(declared)}
    if fleet.is_network_gateway(cluster):
        values |= _network_values(fleet, cluster, declared)
    if declared.type == "NodePort":
        service["ports"] = _ports(declared)
    elif not fleet.is_network_gateway(cluster):
        # Without a network it leads to istiod alone, and the chart knows no ports of its own.
        service["ports"] = [{"name": name, "port": port, "targetPort": port} for name, port in PORTS.items()]
    if fleet.istio.gateways != "default":
        values["revision"] = fleet.istio.gateways
    values["podAnnotations"] = injected.annotation(injected.east_west_facts(fleet, cluster))
    values |= chart_replicas(declared, runs=runs)
    return Release(EAST_WEST_GATEWAY, fleet.system_namespace(cluster), Chart.GATEWAY, values, wait=runs)


def _network_values(fleet: Fleet, cluster: str, declared: EastWestGateway) -> Object:
    """What makes the gateway one into its network, and lets istiod find it where it is to be found by its Service."""
    network = fleet.gateway_network(cluster)
    labels = {}
    if declared.advertised:
        # A port that the Service lacks: istiod takes it for no gateway, and has those that are advertised. The label of
        # the network has to be there, since the chart gives the pods, which are on it, no label that the Service has
        # not (getGatewayDetails of pilot/pkg/serviceregistry/kube/controller/network.go).
        labels = {GATEWAY_PORT: "0"}
    elif declared.port != NETWORK_PORT:
        # Without it istiod looks for the port 15443 and, in vain, takes the Service for no gateway at all.
        labels = {GATEWAY_PORT: str(declared.port)}
    if declared.type == "NodePort":
        # With a network the chart lists the ports of the Service itself, without node ports; so it is not told of it.
        return {"labels": labels | {NETWORK: network}, "env": {"ISTIO_META_REQUESTED_NETWORK_VIEW": network}}
    values: Object = {
        "networkGateway": network,
        "networkGatewayPorts": {"tls": {"port": declared.port, "targetPort": NETWORK_PORT}},
    }
    return values | ({"labels": labels} if labels else {})


def _ports(declared: EastWestGateway) -> list[Object]:
    """The ports of the Service where it is of type NodePort, with the node ports that are asked for."""
    asked = {
        "tls": declared.node_ports.tls,
        "tls-istiod": declared.node_ports.istiod,
        "tls-webhook": declared.node_ports.webhook,
    }
    ports = PORTS | {"tls": declared.port}
    return [
        {"name": name, "port": ports[name], "targetPort": target, "protocol": "TCP"}
        | ({"nodePort": node_port} if (node_port := asked.get(name)) else {})
        for name, target in PORTS.items()
    ]


def port_map(declared: EastWestGateway) -> str:
    """What a node whose pods are processes has to stand in for: `address:port=port of the Service`, by commas.

    Names lead nowhere on this machine and are left out.
    """
    ways = {
        f"{entry.address}:{port}={own}": None
        for entry in declared.advertised
        if is_ip(entry.address)
        for port, own in (
            (entry.port, declared.port),
            (entry.istiod_port, PORTS["tls-istiod"]),
            (entry.webhook_port, PORTS["tls-webhook"]),
        )
    }
    return ",".join(ways)


def reached_at(fleet: Fleet, cluster: str) -> int:
    """The port at which other clusters reach what is behind the gateway: services, or istiod alone."""
    if not fleet.is_network_gateway(cluster):
        return PORTS["tls-istiod"]
    return (fleet.clusters[cluster].east_west_gateway or EastWestGateway()).port


def mesh_port(fleet: Fleet, cluster: str) -> int:
    """The port at which the mesh reaches the gateway: HBONE in ambient mode, else as `reached_at`."""
    ambient_mode = fleet.clusters[cluster].data_plane == "ambient"
    return ambient.HBONE_PORT if ambient_mode else reached_at(fleet, cluster)


def opens_networks(fleet: Fleet, cluster: str) -> bool:
    """Whether the control plane of `cluster` configures a gateway that leads into a network."""
    served = (cluster, *fleet.remotes_of(cluster))
    if fleet.clusters[cluster].data_plane == "ambient":
        # Gateways that speak HBONE know by themselves what is global.
        return False
    return fleet.is_primary(cluster) and any(fleet.is_network_gateway(name) for name in served)


def cross_network_gateway(namespace: str) -> Object:
    """Lets every service be reached through the gateways by its SNI, still under mutual TLS.

    In the namespace of a control plane it configures the gateways of all clusters which that one serves.
    """
    servers = [
        {
            "port": {"number": 15443, "name": "tls", "protocol": "TLS"},
            "tls": {"mode": "AUTO_PASSTHROUGH"},
            "hosts": ["*.local"],
        }
    ]
    return _gateway("cross-network-gateway", namespace, servers)


def istiod_gateway(fleet: Fleet, cluster: str) -> Object:
    """Opens the gateway's ports for the istiods in `cluster`, which keep their own TLS."""
    names = {15012: "tls-istiod", 15017: "tls-istiodwebhook"}
    servers = [
        {"port": {"number": port, "name": name, "protocol": "TLS"}, "tls": {"mode": "PASSTHROUGH"}, "hosts": ["*"]}
        for port, name in names.items()
    ]
    return _gateway("istiod-gateway", fleet.system_namespace(cluster), servers)


def istiod_routes(fleet: Fleet, cluster: str) -> Object:
    """Leads to each istiod in `cluster` that serves other clusters, or machines, by the name asked for (SNI).

    Source: samples/multicluster/expose-istiod-rev.yaml.tmpl of istio/istio
    """
    served = [cluster] if fleet.remotes_of(cluster) or fleet.virtual_machines_of(cluster) else []
    routes = []
    istiods = product((*served, *sorted(fleet.hosted_by(cluster))), fleet.istio.installed)
    for primary, revision in istiods:
        host = f"{istiod_service(revision)}.{fleet.system_namespace(primary)}.svc"
        routes += [
            {
                "match": [{"port": port, "sniHosts": [host, f"{host}.cluster.local"]}],
                "route": [{"destination": {"host": f"{host}.cluster.local", "port": {"number": target}}}],
            }
            for port, target in ISTIOD_PORTS.items()
        ]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": metadata("istiod-vs", fleet.system_namespace(cluster)),
        "spec": {"hosts": ["*"], "gateways": ["istiod-gateway"], "tls": routes},
    }


def _gateway(name: str, namespace: str, servers: list[Object]) -> Object:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": metadata(name, namespace),
        "spec": {"selector": SELECTOR, "servers": servers},
    }


EAST_WEST = Section(
    name="east-west-gateway",
    stage=Stage.GATEWAY,
    component="EastWestGateway",
    documents=documents,
    declared_in="clusters.<name>.eastWestGateway",
    what="the release `istio-eastwestgateway`, its address",
    waits_for="a ready istiod, since its webhook injects the gateway's pods",
)
RULES = Section(
    name="gateway-rules",
    stage=Stage.GATEWAY,
    component="GatewayRules",
    documents=rules,
    declared_in="clusters.<name>.controlPlane",
    what="the Gateway `cross-network-gateway`; Gateway and routes that lead to istiods",
    waits_for="a ready istiod",
    always=Fleet.is_primary,
)
