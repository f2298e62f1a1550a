"""Proxies that hear of another bundle of roots at once, as against those that do when their certificate is renewed.

A ztunnel never does before, so it is made anew with each bundle, and says so by an annotation.

Not among the checks of `verify`: it matters while a mesh goes over to another root, and `up` asks it then.
Source: PROXY_CONFIG_XDS_AGENT in pilot/cmd/pilot-agent/options/options.go, pkg/istio-agent/xds_proxy.go
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from lightkube.models.core_v1 import Container
from lightkube.resources.core_v1 import Pod

from meshfleet.manifests.trust import ROOTS_ANNOTATION
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.pods import annotations_of, called, not_ended, some_of
from meshfleet.verification.view import ClusterView, FleetView

PROXY = "istio-proxy"
SETTING = "PROXY_CONFIG_XDS_AGENT"


class ProxiesTakeRoots(Check):
    """Looks for the setting in every pod that has a proxy; it gets there with the injection."""

    name = "proxies-take-roots"

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        with reach(cluster, patience) as client:
            return judge(fleet, cluster, client.list(Pod, namespace="*"))


def judge(fleet: FleetView, cluster: ClusterView, pods: Iterable[Pod]) -> Finding:
    """Whether every proxy among the containers of `pods` has the setting, or was made for the roots of the mesh."""
    roots = ",".join(fleet.mesh(cluster.mesh).bundle)
    deaf, count = [], 0
    for pod in not_ended(pods):
        proxy = _proxy(pod)
        if proxy is None:
            continue
        count += 1
        listens = any(variable.name == SETTING and variable.value == "true" for variable in proxy.env or ())
        if not listens and annotations_of(pod).get(ROOTS_ANNOTATION) != roots:
            deaf.append(called(pod))
    if deaf:
        return Finding(
            False,
            f"{len(deaf)} of {count} proxies of {cluster.name} hear of another root only when their certificates are "
            f"renewed, {some_of(deaf)}: they were injected before {SETTING} was set; restart their workloads",
        )
    return Finding(True, f"all {count} proxies of {cluster.name} hear of another root at once")


def _proxy(pod: Pod) -> Container | None:
    if pod.spec is None:
        return None
    # Where the cluster has native sidecars it is an init container that goes on running.
    containers = chain(pod.spec.containers or (), pod.spec.initContainers or ())
    return next((container for container in containers if container.name == PROXY), None)
