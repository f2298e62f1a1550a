"""What the tests of the running fleet are given."""

from __future__ import annotations

from dataclasses import dataclass

from tests.integration.world import Ran, World

CLUSTERS = ("host", "west", "east")


@dataclass(frozen=True)
class DevFleet:
    """The fleet's world, and what the first `up` said."""

    world: World
    up: Ran
