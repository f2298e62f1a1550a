"""Every running proxy is connected and has accepted its configuration; a rejection includes Envoy's error.

A proxy that is disconnected from istiod keeps its last configuration and reconnects within 30 seconds (Envoy's maximum
backoff). Until then it may send requests to endpoints that no longer exist, so the finding names it.

Sources: /debug/syncz of pilot/pkg/xds/debug.go, and
https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-handles-errors
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.core_v1 import Pod

from meshfleet.verification import istiod
from meshfleet.verification.access import istiod_access
from meshfleet.verification.check import Finding
from meshfleet.verification.checks.pods_as_declared import counts
from meshfleet.verification.checks.pods_on_revision import REVISION
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.istiod import ConnectedProxy
from meshfleet.verification.pods import annotations_of, is_ready, not_ended, some_of
from meshfleet.verification.proxy_check import ProxyCheck
from meshfleet.verification.simulated_pods import is_simulated
from meshfleet.verification.view import ClusterView, FleetView, of_each_revision

if TYPE_CHECKING:
    from collections.abc import Mapping

# Created once: two threads cannot create it at the same time.
_ENVOY_FILTER: Final = create_namespaced_resource("networking.istio.io", "v1alpha3", "EnvoyFilter", "envoyfilters")
_SHOWN: Final = 3
_LONGEST: Final = 500
# Envoy prints the whole resource before the error; prefix and spacing of that output vary between runs by design.
_DUMP: Final = re.compile(r"goo\.gle/debug\w+\s.*\}\s*: (?P<reason>.*)", re.DOTALL)
_NAME: Final = re.compile(r'goo\.gle/debug\w+\s+name: "(?P<name>[^"]+)"')
# The object that a part of the configuration originates from, as recorded by istiod.
_ORIGIN: Final = re.compile(r'"/apis/[^/"]+/[^/"]+/namespaces/(?P<namespace>[^/"]+)/(?P<kind>[^/"]+)/(?P<name>[^/"]+)"')


@dataclass(frozen=True)
class Refusal:
    """A rejected resource: `proxy` is `name.namespace`, `resource` its xDS name, `origins` its Istio objects."""

    proxy: str
    resource: str
    reason: str
    origins: tuple[str, ...]

    @property
    def namespace(self) -> str:
        """The namespace of the proxy."""
        return self.proxy.rpartition(".")[2]


class ProxiesSynced(ProxyCheck):
    """Reads `/debug/syncz` from the istiods of a cluster."""

    name = "proxies-synced"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(one for one in fleet.clusters if not is_simulated(one))

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        primary = fleet.primary_of(cluster)
        planes = of_each_revision(primary)
        with reach(cluster, timeout) as client:
            running = expected(client.list(Pod, namespace="*"), {one.control_plane.revision for one in planes})
        proxies = [
            proxy
            for each in planes
            for page in istiod_access(fleet, each).pages("syncz", timeout)
            for proxy in istiod.connected_proxies(page.value)
            if proxy.cluster == cluster.name
        ]
        refusals = list(refused(proxies))
        filters: dict[str, list[str]] = {}
        if refusals:
            spaces = {primary.control_plane.namespace, *(one.namespace for one in refusals)}
            filters = _filters(fleet.istiod_host_of(cluster), spaces, timeout)
        connected = {proxy.name for proxy in proxies}
        if missing := [name for name in running if name not in connected]:
            return Finding(
                False,
                f"{len(missing)} of {len(running)} proxies of {cluster.name} are not connected to istiod and "
                f"keep their previous configuration: {some_of(missing)}; see the log of istio-proxy in these pods",
            )
        return judge(cluster, proxies, refusals, filters, primary.control_plane.namespace)


def expected(pods: Iterable[Pod], revisions: Collection[str]) -> list[str]:
    """The proxies of ready pods injected by these revisions, as `name.namespace`. Pure."""
    return [
        f"{pod.metadata.name}.{pod.metadata.namespace}"
        for pod in not_ended(pods)
        if pod.metadata and counts(pod) and is_ready(pod) and annotations_of(pod).get(REVISION, "default") in revisions
    ]


def refused(proxies: Iterable[ConnectedProxy]) -> Iterable[Refusal]:
    """Every resource that a proxy rejected, with the error of the proxy. Pure."""
    for proxy in proxies:
        for kind, text in sorted(proxy.errors.items()):
            dump = _DUMP.search(text)
            name = _NAME.search(text)
            reason = " ".join((dump["reason"] if dump else text).split())[:_LONGEST]
            origins = {f"{found['kind']} {found['namespace']}/{found['name']}" for found in _ORIGIN.finditer(text)}
            yield Refusal(proxy.name, name["name"] if name else kind, reason, tuple(sorted(origins)))


def judge(
    cluster: ClusterView,
    proxies: Sequence[ConnectedProxy],
    refusals: Sequence[Refusal],
    filters: Mapping[str, Sequence[str]],
    root_namespace: str,
) -> Finding:
    """Whether no proxy rejected a resource; `filters` are EnvoyFilters by namespace, which errors do not name. Pure."""
    if not refusals:
        if not proxies and (cluster.gateway or any(one.replicas for one in cluster.workloads)):
            return Finding(False, f"no proxy of {cluster.name} is connected; see the logs of istio-proxy in its pods")
        return Finding(True, f"{len(proxies)} proxies accepted their configuration")
    lines = []
    for one in refusals[:_SHOWN]:
        suspects = [
            *one.origins,
            *(
                f"EnvoyFilter {namespace}/{name}"
                for namespace in sorted({root_namespace, one.namespace})
                for name in filters.get(namespace, ())
            ),
        ]
        hint = f"; check {', '.join(suspects)}" if suspects else ""
        lines.append(f"{one.proxy} rejected {one.resource}: {one.reason}{hint}")
    more = f" and {len(refusals) - _SHOWN} more" if len(refusals) > _SHOWN else ""
    return Finding(False, " | ".join(lines) + more)


def _filters(cluster: ClusterView, namespaces: Iterable[str], timeout: float) -> dict[str, list[str]]:
    with reach(cluster, timeout) as client:
        return {
            namespace: sorted(
                str(one.metadata.name) for one in client.list(_ENVOY_FILTER, namespace=namespace) if one.metadata
            )
            for namespace in namespaces
        }
