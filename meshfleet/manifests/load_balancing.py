"""What a gateway declares of its Service and its pods, as Istio's chart and as istiod's templates take it.

Sources: manifests/charts/gateway of istio/istio and
https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#automated-deployment
"""

from __future__ import annotations

from collections.abc import Mapping

from meshfleet.image_names import NEVER_PULLED
from meshfleet.manifests.objects import Object, metadata
from meshfleet.manifests.section import Known
from meshfleet.manifests.yaml_text import yaml_text
from meshfleet.topology import Fleet, LoadBalanced

SERVICE_OPTIONS = "spec:\n  allocateLoadBalancerNodePorts: false\n"
NODE_PORT_OPTIONS = "spec:\n  type: NodePort\n"
# As the gateway chart has it by itself.
MOST_REPLICAS = 5
# Which nodes istiod takes the external IP of, for a Service of type NodePort; without it, none.
# https://istio.io/latest/docs/reference/config/annotations/#TrafficNodeSelector
NODE_SELECTOR = "traffic.istio.io/nodeSelector"
EVERY_NODE = "{}"


def node_addresses_of(fleet: Fleet, cluster: str) -> int:
    """How many addresses the node of a cluster has for gateways; none where the capability says otherwise."""
    declared = fleet.clusters[cluster]
    return 1 + len(declared.ingress_gateways) if declared.capabilities.gateway_addresses == "node" else 0


def position_of(fleet: Fleet, cluster: str, ingress: str = "") -> int:
    """Which address of the node is a gateway's: the east-west gateway has the node's own, each other one more."""
    return 1 + list(fleet.clusters[cluster].ingress_gateways).index(ingress) if ingress else 0


def external_address(fleet: Fleet, cluster: str, known: Known, ingress: str = "") -> object | None:
    """The address that a gateway's Service has on the node, where that is who gives it one.

    kube-proxy takes what arrives at it on any node, and Helm as well as istiod take it for the Service's address.
    Source: https://kubernetes.io/docs/concepts/services-networking/service/#external-ips
    """
    if not node_addresses_of(fleet, cluster):
        return None
    return known.node_address(cluster, position_of(fleet, cluster, ingress))


def chart_images(fleet: Fleet, cluster: str) -> Object:
    """What the gateway chart says of images: with `image: auto` a pod's own policy would be to pull."""
    built = fleet.clusters[cluster].capabilities.images == "built"
    return {"imagePullPolicy": NEVER_PULLED} if built else {}


def chart_service(declared: LoadBalanced, address: object | None = None, *, found: bool = False) -> Object:
    """The chart's `service`, but for its ports; with `address` it is reached at that one of a node.

    `found` says whether istiod is to find a gateway of type NodePort by its Service.
    """
    service: Object
    if declared.type == "NodePort":
        service = {"type": "NodePort"}
        annotations = ({NODE_SELECTOR: EVERY_NODE} if found else {}) | declared.service_annotations
    else:
        # Random node ports would make the Service differ from cluster to cluster (IST0170).
        service = {"allocateLoadBalancerNodePorts": False}
        annotations = declared.service_annotations
    if annotations:
        service["annotations"] = dict(sorted(annotations.items()))
    if declared.load_balancer_ip:
        service["loadBalancerIP"] = declared.load_balancer_ip
    if address is not None:
        service["externalIPs"] = [address]
    return service


def chart_replicas(declared: LoadBalanced, *, runs: bool) -> Object:
    """The chart's number of pods; nothing measures simulated pods, so nothing can scale by their load."""
    if not runs:
        return {"autoscaling": {"enabled": False}} | (
            {"replicaCount": declared.replicas} if declared.replicas > 1 else {}
        )
    if declared.replicas == 1:
        return {}
    return {"autoscaling": {"minReplicas": declared.replicas, "maxReplicas": max(declared.replicas, MOST_REPLICAS)}}


def gateway_options(
    name: str, namespace: str, declared: LoadBalanced, annotations: Mapping[str, str], service: object = ""
) -> Object:
    """What istiod's template for a Gateway of the Gateway API is overlaid with; `annotations` are of its pods.

    `service` is the overlay of the Service, a text of YAML (`service_options`).
    """
    data: Object = {"service": service or SERVICE_OPTIONS}
    deployment: Object = {"template": {"metadata": {"annotations": dict(annotations)}}} if annotations else {}
    if declared.replicas > 1:
        deployment["replicas"] = declared.replicas
    if deployment:
        data["deployment"] = yaml_text({"spec": deployment})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(name, namespace), "data": data}


def service_options(fleet: Fleet, cluster: str, known: Known, ingress: str = "") -> object:
    """The overlay of the Service that istiod makes of a Gateway, with the gateway's address on the node if it has one.

    A text of YAML; the address is in quotes, which JSON's are in YAML too.
    """
    options, address = _options_of(fleet, cluster, ingress), external_address(fleet, cluster, known, ingress)
    return options if address is None else known.joined(options, '  externalIPs: ["', address, '"]\n')


def _options_of(fleet: Fleet, cluster: str, ingress: str) -> str:
    gateway = fleet.clusters[cluster].ingress_gateways.get(ingress)
    if gateway is None or gateway.type != "NodePort":
        return SERVICE_OPTIONS
    # Merged with the ports that istiod lists, by their numbers (patchMergeKey of ServiceSpec.Ports).
    asked = "".join(f"  - port: {port}\n    nodePort: {asked}\n" for port, asked in sorted(gateway.node_ports.items()))
    return NODE_PORT_OPTIONS + (f"  ports:\n{asked}" if asked else "")


def gateway_spec(options: str, declared: LoadBalanced) -> Object:
    """What a Gateway of the Gateway API has in its spec for it; `options` is the name of its ConfigMap."""
    spec: Object = {"infrastructure": {"parametersRef": {"group": "", "kind": "ConfigMap", "name": options}}}
    if declared.load_balancer_ip:
        spec["addresses"] = [{"type": "IPAddress", "value": declared.load_balancer_ip}]
    return spec
