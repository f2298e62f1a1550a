"""A region is lost: for how long requests fail, and how many.

It is cut off, so that everything in it runs and nothing gets through; or it is gone with its control plane, its
gateway and its pods. Nobody tells the others either time: they know by the requests that fail. A gateway that was found
dead is tried again whenever the time is over for which it was ejected, which grows each time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from meshfleet.dataplane.network.namespaces import inside
from meshfleet.dataplane.network.node_network import set_cut_off
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.sweep import sweep_cluster
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.verification.steady_requests import SteadyRequests, send_steadily
from meshfleet.verification.traffic import Target, request
from meshfleet.workspace.home import Workspace
from scripts.benchmark.pods import FleetOfPods
from scripts.benchmark.row import Row
from scripts.benchmark.stage import Stage

_STACK = "regions"
_LOST = "central"
_STEADY = 100
"""So many answers of a region, one after another: all that proxies ejected while the fleet came up is back."""
_PATIENCE = 120.0
_BEFORE_SECONDS = 5.0
"""So long requests go where they belong, on connections that are there when the region is lost."""
_AFTER_SECONDS = 60.0
"""Several times of what an ejected gateway is out for before it is tried again."""


def region(stage: Stage, runs: int) -> list[Row]:
    """The region that serves a client's requests is lost in either way, and the next one in order takes them."""
    cut_off, gone = [], []
    for _ in range(runs):
        stage.write_stack(_STACK, three_regions())
        stage.meshfleet("up", "--stack", _STACK)
        place = Place.of(Workspace(_STACK, stage.home))
        cut_off.append(_lose(stage, partial(set_cut_off, place, _LOST, cut_off=True)))
        set_cut_off(place, _LOST, cut_off=False)
        gone.append(_lose(stage, lambda: sweep_cluster(_STACK, _LOST, stage.home)))
        stage.meshfleet("destroy", "--stack", _STACK, "--forget", _LOST, "--yes")
    return [_row("partitioned", cut_off), _row("lost", gone)]


@dataclass(frozen=True)
class Loss:
    """The requests of a client that were due since `lost`, in seconds since it began."""

    requests: SteadyRequests
    lost: float

    @property
    def last_failure(self) -> float:
        """Seconds from the loss until the last request was sent that failed; 0 when none did."""
        return max((one.due - self.lost for one in self.requests.failed), default=0.0)


def _lose(stage: Stage, lose: Callable[[], None]) -> Loss:
    pods = FleetOfPods(Workspace(_STACK, stage.home))
    namespace, target = pods.namespace("north", "web", "shop"), pods.service("north", "orders", "shop")
    _await_steady(namespace, target)
    with send_steadily(namespace, target) as requests:
        # Both spans are what is measured over; there is nothing to wait for.
        time.sleep(_BEFORE_SECONDS)
        lost = requests.elapsed
        lose()
        time.sleep(_AFTER_SECONDS)
    return Loss(requests.since(lost), lost)


def _await_steady(namespace: str, target: Target) -> None:
    """Until the region answers all that is asked; what could not connect while it came up is ejected for a while."""

    def all_answered() -> None:
        for _ in range(_STEADY):
            found = inside(namespace, lambda: request(target, 5))
            if found.cluster != _LOST:
                raise NotYetError(found.fault or f"an answer of {found.cluster}")

    wait_until(all_answered, f"{_STEADY} answers of {_LOST}", _PATIENCE, "run meshfleet verify")


def _row(how: str, losses: Sequence[Loss]) -> Row:
    sent = statistics.median(len(one.requests.requests) for one in losses)
    failed = statistics.median(len(one.requests.failed) for one in losses)
    gap = statistics.median(one.requests.longest_gap for one in losses)
    last = statistics.median(one.last_failure for one in losses)
    what = f"region {how}: last failed request sent after"
    return Row(
        what, f"{last:.1f} s", f"{failed:.0f} of {sent:.0f} failed, longest gap {gap:.2f} s", f"{failed / sent:.4f}"
    )


def three_regions() -> dict[str, Any]:
    """The example of disaster recovery, but that the client's own region has nothing that responds."""
    regions = ("north", "central", "south")
    return {
        "host": "north",
        "meshes": {
            "shop": {
                "settings": {
                    "locality": {
                        "failover": [{"from": "north", "to": "central"}, {"from": "central", "to": "south"}],
                        "outlierDetection": {
                            "consecutiveGatewayErrors": 1,
                            "intervalSeconds": 1,
                            "baseEjectionSeconds": 10,
                        },
                    }
                }
            }
        },
        "networks": {f"network-{name}": {} for name in regions},
        "clusters": {
            name: {"embedded": {"pods": "processes"}, "network": f"network-{name}", "region": name} for name in regions
        },
        "namespaces": {"shop": {"injection": True}},
        "workloads": {
            "orders": {"namespace": "shop", "clusters": ["central", "south"]},
            "web": {"namespace": "shop", "clusters": ["north"]},
        },
    }
