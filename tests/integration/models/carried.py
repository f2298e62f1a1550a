"""Requests that a fleet of `stacks/examples/` carries: from a pod of one cluster to the Service of all of its mesh."""

from __future__ import annotations

from collections.abc import Collection

from tests.integration.models.running import Running
from tests.integration.use_cases.sending import Sender, answered

ECHO = "sample/echo"
"""The workload of these stacks, in every cluster."""
REQUESTS = 60
"""Of four clusters that answer alike, each is among so many but for one run in a million."""
CHECKS = ("proxies-synced", "traffic-reach")
"""What `verify` checks with real proxies alone."""


def assert_answered_in(fleet: Running, cluster: str, clusters: Collection[str]) -> None:
    """Requests from `cluster` are answered in each of `clusters`, none is lost, all come with the caller's identity.

    The application is shown that identity by its own proxy, which has it from the certificate of mutual TLS.
    """
    sender = Sender(fleet, cluster, ECHO)
    replies = sender.send(ECHO, REQUESTS)
    counted = answered(replies)
    assert counted.keys() == set(clusters), counted
    assert counted.total() == REQUESTS
    assert {one.peer for one in replies} == {sender.identity}


def assert_checked_by_traffic(checked: dict[str, set[str]], strict: Collection[str], *others: str) -> None:
    """`verify` has sent requests from each of these clusters; those of `strict` took none without mutual TLS."""
    for check in CHECKS:
        assert checked[check] == {*strict, *others}
    assert checked.get("traffic-plaintext", set()) == set(strict)
