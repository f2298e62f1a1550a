"""A region is lost at once, with its control plane, its gateway and its pods: for how long requests fail.

Nothing tells the others, since the API server that would say so is gone too: they know by the requests that fail. A
gateway that was found dead is tried again whenever the time is over for which it was ejected, which grows each time.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from embedded.sweep import sweep_cluster
from embedded.workspace import Workspace
from scripts.benchmark.pods import FleetOfPods
from scripts.benchmark.row import Row
from scripts.benchmark.stage import Stage
from verification.steady_requests import SteadyRequests, asking

_STACK = "regions"
_LOST = "central"
_BEFORE_SECONDS = 5.0
"""So long requests go where they belong, on connections that are there when the region is lost."""
_AFTER_SECONDS = 60.0
"""Several times of what an ejected gateway is out for before it is tried again."""


def region(stage: Stage, runs: int) -> list[Row]:
    """The region that serves a client's requests is lost, and the next one in order takes them."""
    lasts, failed, sent = [], [], []
    for _ in range(runs):
        stage.write_stack(_STACK, three_regions())
        stage.meshfleet("up", "--stack", _STACK)
        pods = FleetOfPods(Workspace(_STACK, stage.home))
        namespace, target = pods.namespace("north", "web", "shop"), pods.service("north", "orders", "shop")
        with asking(namespace, target) as requests:
            time.sleep(_BEFORE_SECONDS)
            lost = requests.elapsed
            sweep_cluster(_STACK, _LOST, stage.home)
            time.sleep(_AFTER_SECONDS)
        after = requests.since(lost)
        lasts.append(last_failure(after, lost))
        failed.append(len(after.failed))
        sent.append(len(after.requests))
        stage.meshfleet("destroy", "--stack", _STACK, "--forget", _LOST, "--yes")
    beside = f"{statistics.median(failed):.0f} of {statistics.median(sent):.0f} requests failed"
    share = f"{sum(failed) / sum(sent):.3f}"
    what = f"from the loss of a region to the last failed request, watched for {_AFTER_SECONDS:.0f} s"
    return [Row(what, f"{statistics.median(lasts):.1f} s", beside, share)]


def last_failure(requests: SteadyRequests, lost: float) -> float:
    """Seconds from the loss until the last request that failed was given up; 0 when none did. Pure."""
    return max((one.answered - lost for one in requests.failed), default=0.0)


def three_regions() -> dict[str, Any]:
    """The example of disaster recovery, but that the client's own region has nothing that answers."""
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
