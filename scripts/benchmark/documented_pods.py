"""The documented sequence where istiod and gateways are pods: one command after the other, cluster by cluster.

https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/ by helm, kubectl and istioctl, and
https://istio.io/latest/docs/setup/install/multicluster/verify/ for the workload. Values and images are meshfleet's.
"""

from __future__ import annotations

import json
from pathlib import Path

from meshfleet.image_names import ISTIO_HUB, ISTIO_TAG, NEVER_PULLED
from meshfleet.manifests import gateways, namespaces, workloads
from meshfleet.manifests.objects import Object, Release
from meshfleet.manifests.plan import cluster_plan
from meshfleet.topology import Fleet
from meshfleet.topology.system_names import EAST_WEST_GATEWAY
from scripts.benchmark import documented_sequence as documented
from scripts.benchmark.documented_sequence import MESH, NAMESPACE, Member, Tools, helm, kubectl, network_of

_IMAGES = (f"global.hub={ISTIO_HUB}", f"global.tag={ISTIO_TAG}", f"global.imagePullPolicy={NEVER_PULLED}")
# Of a chart's own 500m and 2Gi two istiods find no place on a small machine.
_REQUESTS = ("resources.requests.cpu=50m", "resources.requests.memory=256Mi")


def install(tools: Tools, folder: Path, members: list[Member], fleet: Fleet) -> None:
    """The whole sequence on clusters that run, and the workloads of `fleet` in the clusters of its names."""
    for member in members:
        documented.system_namespace(tools, folder, member)
        _istiod(tools, member)
        _gateway(tools, member)
    documented.remote_secrets(tools, members)
    for member in members:
        _workloads(tools, member, fleet)


def _istiod(tools: Tools, member: Member) -> None:
    helm(tools, member, "istio-base", "base")
    values = (
        f"global.meshID={MESH}",
        f"global.multiCluster.clusterName={member.name}",
        f"global.network={network_of(member)}",
        "autoscaleEnabled=false",
        *_IMAGES,
        *_REQUESTS,
    )
    helm(tools, member, "istiod", "istiod", *values, wait=True)


def _gateway(tools: Tools, member: Member) -> None:
    values = (
        f"name={EAST_WEST_GATEWAY}",
        f"networkGateway={network_of(member)}",
        f"imagePullPolicy={NEVER_PULLED}",
        f"service.externalIPs[0]={member.address}",
        "service.allocateLoadBalancerNodePorts=false",
    )
    helm(tools, member, EAST_WEST_GATEWAY, "gateway", *values)
    kubectl(tools, member, "rollout", "status", f"deployment/{EAST_WEST_GATEWAY}", "-n", NAMESPACE, "--timeout=180s")
    kubectl(tools, member, "apply", "-f", "-", stdin=json.dumps(gateways.cross_network_gateway(NAMESPACE)))


def _workloads(tools: Tools, member: Member, fleet: Fleet) -> None:
    objects: list[Object] = [
        document.body
        for document in cluster_plan(fleet, member.name)
        if document.section in (namespaces.DECLARED, workloads.SECTION) and not isinstance(document.body, Release)
    ]
    for body in objects:
        kubectl(tools, member, "apply", "-f", "-", stdin=json.dumps(body))
    for body in objects:
        if body["kind"] == "Deployment":
            metadata = body["metadata"]
            target = (f"deployment/{metadata['name']}", "-n", metadata["namespace"], "--timeout=180s")
            kubectl(tools, member, "rollout", "status", *target)
