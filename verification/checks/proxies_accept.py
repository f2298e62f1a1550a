"""Every proxy took what its istiod told it; what one refused is told in its own words.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump_shared.proto (UpdateFailureState)
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from embedded.network.namespaces import inside
from embedded.network.place import Place
from topology.errors import VerificationError
from verification.check import Check, Finding
from verification.cluster_api import reach
from verification.pods import called, not_ended
from verification.simulated import without_processes
from verification.view import ClusterView, FleetView

_ADMIN = "http://127.0.0.1:15000/config_dump"
_PROXY = "istio-proxy"
_SHOWN = 3


class ProxiesAccept(Check):
    """Asks each Envoy of a cluster whose pods are processes."""

    name = "proxies-accept"

    def concerns(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(one for one in fleet.clusters if one.pods == "processes" and fleet.home is not None)

    def prevented(self, fleet: FleetView) -> Mapping[str, str]:
        return without_processes(fleet)

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        from lightkube.resources.core_v1 import Pod

        place = Place.of(fleet.workspace())
        faults, asked = [], 0
        with reach(cluster, patience) as client:
            pods = [pod for pod in not_ended(client.list(Pod, namespace="*")) if _has_proxy(pod)]
        for pod in pods:
            namespace = place.pod(cluster.name, str(pod.metadata.uid if pod.metadata else ""))
            dump = inside(namespace, lambda: _dump(patience))
            asked += 1
            faults += [f"{called(pod)}: {fault}" for fault in refused(dump)]
        if faults:
            more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
            return Finding(False, "; ".join(faults[:_SHOWN]) + more)
        return Finding(asked > 0, f"{asked} proxies took all that they were told" if asked else "there is no proxy")


def refused(dump: Any) -> Iterator[str]:
    """What a proxy refused, by the name of the resource and with the proxy's reason. Pure."""
    if isinstance(dump, dict):
        state = dump.get("error_state")
        if isinstance(state, dict) and state.get("details"):
            failed = state.get("failed_configuration") or {}
            name = dump.get("name") or failed.get("name") or failed.get("@type") or "a resource"
            yield f"refused {name}: {' '.join(str(state['details']).split())}"
        for value in dump.values():
            yield from refused(value)
    elif isinstance(dump, list):
        for value in dump:
            yield from refused(value)


def _dump(patience: float) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(_ADMIN, timeout=patience) as answer:
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise VerificationError(f"a proxy does not answer ({error}); see the logs of its pod") from error


def _has_proxy(pod: Any) -> bool:
    containers = [*(pod.spec.containers if pod.spec else ()), *((pod.spec.initContainers if pod.spec else None) or ())]
    return any(one.name == _PROXY for one in containers)
