"""What a gateway declares of its Service and its pods, as Istio's chart and as istiod's templates take it.

Sources: manifests/charts/gateway of istio/istio and
https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/#automated-deployment
"""

from __future__ import annotations

from collections.abc import Mapping

from meshfleet.manifests.objects import Object, metadata
from meshfleet.manifests.yaml_text import yaml_text
from meshfleet.topology import LoadBalanced

# As the gateway chart has it by itself.
MOST_REPLICAS = 5


def chart_service(declared: LoadBalanced) -> Object:
    """The chart's `service`, but for its ports."""
    service: Object = {
        # Random node ports would make the Service differ from cluster to cluster (IST0170).
        "allocateLoadBalancerNodePorts": False,
    }
    if declared.service_annotations:
        service["annotations"] = dict(sorted(declared.service_annotations.items()))
    if declared.load_balancer_ip:
        service["loadBalancerIP"] = declared.load_balancer_ip
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


def gateway_options(name: str, namespace: str, declared: LoadBalanced, annotations: Mapping[str, str]) -> Object:
    """What istiod's template for a Gateway of the Gateway API is overlaid with; `annotations` are of its pods."""
    data = {"service": "spec:\n  allocateLoadBalancerNodePorts: false\n"}
    deployment: Object = {"template": {"metadata": {"annotations": dict(annotations)}}} if annotations else {}
    if declared.replicas > 1:
        deployment["replicas"] = declared.replicas
    if deployment:
        data["deployment"] = yaml_text({"spec": deployment})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(name, namespace), "data": data}


def gateway_spec(options: str, declared: LoadBalanced) -> Object:
    """What a Gateway of the Gateway API has in its spec for it; `options` is the name of its ConfigMap."""
    spec: Object = {"infrastructure": {"parametersRef": {"group": "", "kind": "ConfigMap", "name": options}}}
    if declared.load_balancer_ip:
        spec["addresses"] = [{"type": "IPAddress", "value": declared.load_balancer_ip}]
    return spec
