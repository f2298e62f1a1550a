"""When a new home serves, so that what it replaces can be taken away without a lost request.

Its objects are ready by the rules of their kind. Until then proxies may have ejected its endpoints: a gateway has an
address before it has endpoints, and one failed request is enough. They send it nothing before that time is over.
Source: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from meshfleet.federation.failover import Move, seconds_of
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.topology import Fleet
from meshfleet.topology.fleet import Evictions
from meshfleet.topology.propagation.kinds import key_of

if TYPE_CHECKING:
    from meshfleet.kube.releases.server import Server

LONGEST_EJECTION: Final = 300
"""Seconds: `max_ejection_time` of Envoy, which Istio leaves as it is."""
RECONNECT_SECONDS: Final = 60
"""How long an istiod may take to watch a cluster again that responds: client-go tries again after 30 to 60 s.

Source: newReflector in k8s.io/client-go/tools/cache/reflector.go, and wait.NewExponentialBackoffManager
"""


def seconds_until_served(fleet: Fleet, outages: Mapping[str, float]) -> int:
    """How long to keep what new homes replace, once these are ready: until no proxy can lack or avoid them any more.

    `outages` as in `ejection_seconds`. After one, istiods of other clusters may go by what they knew before it.
    """
    back = RECONNECT_SECONDS if any(outage > 0 for outage in outages.values()) else 0
    return max(ejection_seconds(fleet, outages), back)


def ejection_seconds(fleet: Fleet, outages: Mapping[str, float]) -> int:
    """How long proxies may leave out the endpoints of new homes from now on: 0 where they eject none.

    `outages` has how long each home was unreachable, in seconds. An endpoint that fails again each time it is tried is
    ejected for longer each time: once, twice, three times the base, at most for `LONGEST_EJECTION`. So of an outage the
    last ejection is the longest, and it may have begun at its very end. The evaluation that ends it comes after it.
    """
    return max((_ejection_seconds(fleet, home, outage) for home, outage in outages.items()), default=0)


def _ejection_seconds(fleet: Fleet, home: str, outage: float) -> int:
    locality = fleet.meshes[fleet.mesh_of(home)].settings.locality
    if locality is None:
        return 0
    base, interval = locality.outlier_detection.base_ejection_seconds, locality.outlier_detection.interval_seconds
    # The first n ejections take base * n * (n + 1) / 2.
    times = max(1, math.ceil((math.sqrt(1 + 8 * max(outage, 0) / base) - 1) / 2))
    return min(base * times, max(base, LONGEST_EJECTION)) + interval


def outages_of(old: Evictions, homes: Mapping[str, Iterable[str]], now: float) -> dict[str, float]:
    """How long each home was unreachable before, in seconds, by the evictions of before a move; 0 for another home.

    `homes` has the propagations that each one gets; `now` is in seconds since the epoch.
    """
    return {
        home: max((now - seconds_of(since) for name in names if (since := old.get(name, {}).get(home))), default=0.0)
        for home, names in homes.items()
    }


def wait_for_proxies(seconds: int, notify: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
    """Wait for as long as proxies may send no requests to new homes that are ready.

    `clock` gives the time in seconds since any moment.
    """
    if not seconds:
        return
    notify(f"new homes are ready; in {seconds} s every proxy sends them requests")
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
