"""A node renews its lease all the time, and writes its status only where that says something else than its Node."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest
from lightkube.resources.core_v1 import Node

from meshfleet.dataplane.node.left_out import CONDITION, LeftOut
from meshfleet.dataplane.node.node_object import BEAT_SECONDS, Heartbeat
from meshfleet.errors import ClusterError

pytestmark = pytest.mark.proof("pods as processes in network namespaces", step=1)

MISSING = LeftOut("Pod", "orders", "web", "uid", "its volume is of another kind")


class Cluster:
    """An API server with one Node, which counts what is written; `seconds` is the time there."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.status: dict[str, Any] = {}
        self.leases = 0
        self.statuses = 0
        self.is_there = True
        self.client = MagicMock()
        self.client.apply.side_effect = self._apply
        self.client.get.side_effect = lambda kind, name: Node.from_dict({"status": self.status})
        self.client.patch.side_effect = self._patch
        self.heartbeat = Heartbeat("west-0", "10.1.0.2", 4000, lambda: self.seconds)

    def _apply(self, *_: object, **__: object) -> None:
        if not self.is_there:
            raise ClusterError("the connection is refused")
        self.leases += 1

    def _patch(self, _: object, name: str, body: dict[str, Any], **__: object) -> None:
        assert name == "west-0"
        self.statuses += 1
        self.status = body["status"]

    def beat(self, *left_out: LeftOut, seconds: float = BEAT_SECONDS) -> None:
        """One more beat, so many seconds after the one before."""
        self.seconds += seconds
        self.heartbeat.beat(self.client, left_out)

    def conditions(self) -> dict[str, str]:
        return {one["type"]: one["status"] for one in self.status["conditions"]}


def test_a_node_that_stays_as_it_is_renews_its_lease_and_writes_its_status_once() -> None:
    cluster = Cluster()
    for _ in range(12):
        cluster.beat()
    assert (cluster.statuses, cluster.leases) == (1, 6)
    assert cluster.conditions() == {"Ready": "True", CONDITION: "True"}


def test_the_status_is_written_again_after_five_minutes() -> None:
    cluster = Cluster()
    for _ in range(int(300 / BEAT_SECONDS) + 1):
        cluster.beat()
    assert cluster.statuses == 2


def test_what_is_left_out_is_reported_by_the_next_beat_and_taken_back_by_the_one_after() -> None:
    cluster = Cluster()
    cluster.beat()
    cluster.beat(MISSING)
    assert (cluster.statuses, cluster.conditions()[CONDITION]) == (2, "False")
    cluster.beat()
    assert (cluster.statuses, cluster.conditions()[CONDITION]) == (3, "True")


@pytest.mark.parametrize(
    "changed",
    [
        {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "no lease"}]},
        {"conditions": []},
        {"addresses": [{"type": "InternalIP", "address": "10.1.0.99"}]},
        {"daemonEndpoints": {"kubeletEndpoint": {"Port": 1}}},
        {"addresses": None, "conditions": None, "daemonEndpoints": None},
    ],
)
def test_a_status_that_another_writer_changed_is_written_again_within_a_renewal(changed: dict[str, Any]) -> None:
    cluster = Cluster()
    cluster.beat()
    reported = cluster.status
    cluster.status = reported | changed
    cluster.beat()
    cluster.beat()
    assert cluster.conditions() == {"Ready": "True", CONDITION: "True"}
    assert all(cluster.status[key] == reported[key] for key in ("addresses", "daemonEndpoints"))


def test_a_renewal_that_failed_is_tried_again_by_the_next_beat() -> None:
    cluster = Cluster()
    cluster.is_there = False
    with pytest.raises(ClusterError):
        cluster.beat()
    cluster.is_there = True
    cluster.beat()
    assert (cluster.leases, cluster.statuses) == (1, 1)
