"""When a new home serves, so that what it replaces can be taken away without a lost request.

Its objects are ready by the rules of their kind. Until then proxies may have ejected its endpoints: a gateway has an
address before it has endpoints, and one failed request is enough. They send it nothing before that time is over.
Source: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from meshfleet.federation.failover import Move
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.topology import Fleet
from meshfleet.topology.propagation.kinds import key_of

if TYPE_CHECKING:
    from meshfleet.kube.releases.server import Server


def ejection_seconds(fleet: Fleet, homes: Iterable[str]) -> int:
    """How long proxies leave out an endpoint in these clusters after its first ejection: 0 where they eject none.

    The longest of their meshes, with the evaluation that ends it.
    """
    localities = (fleet.meshes[fleet.mesh_of(home)].settings.locality for home in homes)
    found = (one.outlier_detection for one in localities if one)
    return max((one.base_ejection_seconds + one.interval_seconds for one in found), default=0)


def wait_for_ejections(
    fleet: Fleet, homes: Iterable[str], notify: Callable[[str], None], clock: Callable[[], float] = time.monotonic
) -> None:
    """Wait until proxies send requests again to homes that they ejected before these were ready.

    `clock` gives the time in seconds since any moment.
    """
    seconds = ejection_seconds(fleet, homes)
    if not seconds:
        return
    notify(f"new homes are ready; proxies may have ejected them for up to {seconds} s")
    end = clock() + seconds

    def over() -> None:
        if (left := end - clock()) > 0:
            raise NotYetError(f"{left:.0f} s are left")

    wait_until(over, "proxies to send requests to the new homes", 2.0 * seconds, "run the same command again")


def require_ready(move: Move, access: tuple[str, str | None], what: str) -> None:
    """Raise NotYetError with what a moved object lacks in its home, which `access` leads to. Raises ClusterError."""
    from meshfleet.kube.releases.server import connected

    with connected(*access) as server:
        if missing := lacking(server, move.one.body, what):
            raise NotYetError(missing)


def lacking(server: Server, body: Mapping[str, Any], what: str) -> str:
    """What an object lacks in a cluster to be ready, in words; empty where it is. Raises ClusterError."""
    from meshfleet.kube.api_errors import expected_form
    from meshfleet.plugins.kubernetes.kinds import GroupVersionKind
    from meshfleet.plugins.kubernetes.readiness import lacks

    key = key_of(body)
    kind = server.kind(str(body["apiVersion"]), key.kind)
    live = server.get(f"{kind.collection(key.namespace)}/{key.name}", what) if kind else None
    if live is None:
        return "it does not exist"
    if not _is_awaited(key.kind):
        return ""
    with expected_form(what):
        return lacks(GroupVersionKind(key.group, str(body["apiVersion"]).rpartition("/")[2], key.kind), live) or ""


def _is_awaited(kind: str) -> bool:
    """Services, claims and the like wait for others, perhaps in vain, as in `up`."""
    return kind in ("Deployment", "StatefulSet", "DaemonSet", "Pod", "ReplicaSet", "ReplicationController")
