"""Every proxy reloads the trust bundle immediately, instead of when its certificate is renewed.

ztunnel does not, so it is restarted for each bundle, which is recorded in an annotation.

Not part of `verify`: it matters only during a root rotation, and `up` runs it then.
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
SETTING, CA_ADDRESS = "PROXY_CONFIG_XDS_AGENT", "CA_ADDR"


class ProxiesTakeRoots(Check):
    """Reads the setting that injection adds to every pod with a proxy."""

    name = "proxies-take-roots"

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        with reach(cluster, timeout) as client:
            return judge(fleet, cluster, client.list(Pod, namespace="*"))


def judge(fleet: FleetView, cluster: ClusterView, pods: Iterable[Pod]) -> Finding:
    """Whether every proxy of `pods` has the setting, or was started with the roots of the mesh.

    Another certificate comes with other roots, so that each also has to request it from what signs.
    """
    roots = ",".join(fleet.mesh(cluster.mesh).bundle)
    stale: list[str] = []
    unsigned: list[str] = []
    count = 0
    for pod in not_ended(pods):
        proxy = _proxy(pod)
        if proxy is None:
            continue
        count += 1
        variables = {variable.name: variable.value for variable in proxy.env or ()}
        if cluster.ca_address and variables.get(CA_ADDRESS) != cluster.ca_address:
            unsigned.append(called(pod))
        elif variables.get(SETTING) != "true" and annotations_of(pod).get(ROOTS_ANNOTATION) != roots:
            stale.append(called(pod))
    if unsigned:
        return Finding(
            False,
            f"{len(unsigned)} of {count} proxies of {cluster.name} request certificates where none are signed any "
            f"more, {some_of(unsigned)}: they were injected before istio-csr signed; restart their workloads",
        )
    if stale:
        return Finding(
            False,
            f"{len(stale)} of {count} proxies of {cluster.name} reload roots only when their certificates are renewed, "
            f"{some_of(stale)}: they were injected before {SETTING} was set; restart their workloads",
        )
    return Finding(True, f"all {count} proxies of {cluster.name} reload roots immediately")


def _proxy(pod: Pod) -> Container | None:
    if pod.spec is None:
        return None
    # A native sidecar is an init container that keeps running.
    containers = chain(pod.spec.containers or (), pod.spec.initContainers or ())
    return next((container for container in containers if container.name == PROXY), None)
