"""The east-west gateway of a cluster and the Gateway object that opens its services to the other networks.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#install-the-east-west-gateway-in-cluster1
"""

from __future__ import annotations

from manifests.objects import ISTIO_SYSTEM, Chart, Object, Release, metadata
from topology import EastWestGateway, Fleet

EAST_WEST_GATEWAY = "istio-eastwestgateway"


def east_west_gateway(fleet: Fleet, cluster: str) -> Release:
    """The gateway's Deployment and its LoadBalancer Service; its pods are made by the injection webhook."""
    declared = fleet.clusters[cluster].east_west_gateway or EastWestGateway()
    simulated = fleet.clusters[cluster].simulated
    service: Object = {
        # Random node ports would make the Service differ from cluster to cluster (IST0170).
        "allocateLoadBalancerNodePorts": False,
    }
    if declared.service_annotations:
        service["annotations"] = dict(sorted(declared.service_annotations.items()))
    values: Object = {
        "name": EAST_WEST_GATEWAY,
        "networkGateway": fleet.clusters[cluster].network,
        "networkGatewayPorts": {"tls": {"port": declared.port, "targetPort": 15443}},
        "service": service,
    }
    if fleet.istio.revision != "default":
        values["revision"] = fleet.istio.revision
    if simulated:
        values["autoscaling"] = {"enabled": False}
    return Release(EAST_WEST_GATEWAY, ISTIO_SYSTEM, Chart.GATEWAY, values, wait=not simulated)


def cross_network_gateway() -> Object:
    """Lets every service of the cluster be reached through the gateway by its SNI, still under mutual TLS."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": metadata("cross-network-gateway", ISTIO_SYSTEM),
        "spec": {
            "selector": {"istio": "eastwestgateway"},
            "servers": [
                {
                    "port": {"number": 15443, "name": "tls", "protocol": "TLS"},
                    "tls": {"mode": "AUTO_PASSTHROUGH"},
                    "hosts": ["*.local"],
                }
            ],
        },
    }
