"""A use case that is up and verified."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from meshfleet.testing import FleetUnderTest, Sender, answered, bring_up
from tests.integration.clone import Clone

__all__ = ["Sender", "answered", "sending"]


@contextmanager
def sending(clone: Clone, stack: str) -> Iterator[FleetUnderTest]:
    """Bring a use case up and verify it with all checks; it is destroyed at the end."""
    with clone.sandbox() as sandbox, bring_up(sandbox, f"examples/{stack}") as fleet:
        assert fleet.verify()["proxies-synced"] == fleet.clusters
        yield fleet
