"""Every proxy is on the revision that workloads and gateways are to be on, so that the others can go.

Not among the checks of `verify`: an old proxy is right for as long as its istiod runs, and `up` asks before it removes
that one. Source: https://istio.io/latest/docs/setup/upgrade/canary/#uninstall-old-control-plane
"""

from __future__ import annotations

from collections.abc import Iterable

from lightkube.resources.core_v1 import Pod

from verification.check import Check, Finding
from verification.cluster_api import reach
from verification.view import ClusterView, FleetView

# Injection writes it into every pod that gets a proxy (pkg/kube/inject/inject.go).
REVISION = "istio.io/rev"
INJECTED = "sidecar.istio.io/status"
SHOWN = 3


class PodsOnRevision(Check):
    """Reads the revision that each injected pod was injected by."""

    name = "pods-on-revision"

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        with reach(cluster, patience) as client:
            return judge(cluster, client.list(Pod, namespace="*"))


def judge(cluster: ClusterView, pods: Iterable[Pod]) -> Finding:
    """Whether each injected pod among `pods` is on the revision of workloads or that of gateways."""
    plane = cluster.control_plane
    wanted = {plane.revision, plane.gateway_revision or plane.revision}
    left, count = [], 0
    for pod in pods:
        annotations = (pod.metadata.annotations if pod.metadata else None) or {}
        ended = pod.status and pod.status.phase in ("Succeeded", "Failed")
        if INJECTED not in annotations or ended or pod.metadata is None:
            continue
        count += 1
        revision = annotations.get(REVISION, "default")
        if revision not in wanted:
            left.append(f"{pod.metadata.namespace}/{pod.metadata.name} ({revision})")
    if left:
        others = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
        return Finding(
            False,
            f"{len(left)} of {count} proxies of {cluster.name} are on another revision than "
            f"{' or '.join(sorted(wanted))}: {', '.join(sorted(left)[:SHOWN])}{others}; restart their workloads "
            "(kubectl rollout restart), which gives them the new one",
        )
    return Finding(True, f"all {count} proxies of {cluster.name} are on {' or '.join(sorted(wanted))}")
