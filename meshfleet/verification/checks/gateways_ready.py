"""Every east-west gateway has a ready pod and therefore accepts connections.

Not part of `verify`, whose traffic checks cover gateways: `up` runs it before pods move to another network, where they
are reached through the gateway.
"""

from __future__ import annotations

from collections.abc import Iterable

from lightkube.resources.core_v1 import Pod

from meshfleet.topology.system_names import EAST_WEST_GATEWAY
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.pods import is_ready, labels_of, not_ended
from meshfleet.verification.view import ClusterView, FleetView

# Labels set by Istio's chart, and by istiod for a Gateway of the Gateway API.
_SELECTED = (("istio", "eastwestgateway"), ("gateway.networking.k8s.io/gateway-name", EAST_WEST_GATEWAY))


class GatewaysReady(Check):
    """Reads the gateway pods in the control plane namespace."""

    name = "gateways-ready"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(one for one in fleet.clusters if one.gateway)

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        with reach(cluster, timeout) as client:
            return judge(cluster, client.list(Pod, namespace=cluster.control_plane.namespace))


def judge(cluster: ClusterView, pods: Iterable[Pod]) -> Finding:
    """Whether a pod of the gateway is ready. Pure."""
    found = [pod for pod in not_ended(pods) if any(labels_of(pod).get(key) == value for key, value in _SELECTED)]
    ready = [pod for pod in found if is_ready(pod)]
    if ready:
        return Finding(True, f"{len(ready)} of {len(found)} pods of the gateway of {cluster.name} are ready")
    return Finding(
        False,
        f"none of {len(found)} pods of {EAST_WEST_GATEWAY} in {cluster.name} is ready; see kubectl describe pods "
        f"--namespace {cluster.control_plane.namespace}",
    )
