"""Every proxy is on the target revision of workloads or gateways, so that other revisions can be removed.

Not part of `verify`: an old proxy is valid while its istiod runs; `up` runs the check before it removes that istiod.
Source: https://istio.io/latest/docs/setup/upgrade/canary/#uninstall-old-control-plane
"""

from __future__ import annotations

from collections.abc import Iterable

from lightkube.resources.core_v1 import Pod

from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.pods import annotations_of, called, not_ended, some_of
from meshfleet.verification.view import ClusterView, FleetView

# Injection adds it to every pod that gets a proxy (pkg/kube/inject/inject.go).
REVISION = "istio.io/rev"
INJECTED = "sidecar.istio.io/status"


class PodsOnRevision(Check):
    """Reads the revision that injected each pod."""

    name = "pods-on-revision"

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        with reach(cluster, timeout) as client:
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
            f"{len(left)} of {count} proxies of {cluster.name} are not on revision "
            f"{' or '.join(sorted(wanted))}: {some_of(left)}; restart their workloads "
            "(kubectl rollout restart), which moves them to it",
        )
    return Finding(True, f"all {count} proxies of {cluster.name} are on {' or '.join(sorted(wanted))}")
