"""Every proxy is on the revision that workloads and gateways are to be on, so that the others can go.

Not among the checks of `verify`: an old proxy is right for as long as its istiod runs, and `up` asks before it removes
that one. Source: https://istio.io/latest/docs/setup/upgrade/canary/#uninstall-old-control-plane
"""

from __future__ import annotations

from collections.abc import Iterable

from lightkube.resources.core_v1 import Pod

from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.pods import annotations_of, called, not_ended, some_of
from meshfleet.verification.view import ClusterView, FleetView

# Injection writes it into every pod that gets a proxy (pkg/kube/inject/inject.go).
REVISION = "istio.io/rev"
INJECTED = "sidecar.istio.io/status"


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
    for pod in not_ended(pods):
        annotations = annotations_of(pod)
        if INJECTED not in annotations:
            continue
        count += 1
        revision = annotations.get(REVISION, "default")
        if revision not in wanted:
            left.append(f"{called(pod)} ({revision})")
    if left:
        return Finding(
            False,
            f"{len(left)} of {count} proxies of {cluster.name} are on another revision than "
            f"{' or '.join(sorted(wanted))}: {some_of(left)}; restart their workloads "
            "(kubectl rollout restart), which gives them the new one",
        )
    return Finding(True, f"all {count} proxies of {cluster.name} are on {' or '.join(sorted(wanted))}")
