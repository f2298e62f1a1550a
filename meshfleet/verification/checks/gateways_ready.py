"""The east-west gateway of every cluster that has one takes connections: a pod of it is ready.

Not among the checks of `verify`, whose requests go through gateways: `up` checks it before pods move to another
network, from which on others reach them through it.
"""

from __future__ import annotations

from collections.abc import Iterable

from lightkube.resources.core_v1 import Pod

from meshfleet.manifests.objects import EAST_WEST_GATEWAY
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.pods import is_ready, labels_of, not_ended
from meshfleet.verification.view import ClusterView, FleetView

# Istio's chart, and istiod for a Gateway of the Gateway API.
_SELECTED = (("istio", "eastwestgateway"), ("gateway.networking.k8s.io/gateway-name", EAST_WEST_GATEWAY))


class GatewaysReady(Check):
    """Reads the pods of the gateway in the namespace of the control plane."""

    name = "gateways-ready"

    def concerns(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(one for one in fleet.clusters if one.gateway)

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        with reach(cluster, patience) as client:
            return judge(cluster, client.list(Pod, namespace=cluster.control_plane.namespace))


def judge(cluster: ClusterView, pods: Iterable[Pod]) -> Finding:
    """Whether one of the gateway's pods is ready. Pure."""
    found = [pod for pod in not_ended(pods) if any(labels_of(pod).get(key) == value for key, value in _SELECTED)]
    ready = [pod for pod in found if is_ready(pod)]
    if ready:
        return Finding(True, f"{len(ready)} of {len(found)} pods of the gateway of {cluster.name} are ready")
    return Finding(
        False,
        f"no pod of {EAST_WEST_GATEWAY} in {cluster.name} is ready, of {len(found)}; see kubectl describe pods "
        f"--namespace {cluster.control_plane.namespace}",
    )
