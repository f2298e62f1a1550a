"""The stack `dev`, brought up once for this folder; a test that breaks something mends it before it ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.clone import Clone
from tests.integration.dev.fleet import DevFleet
from tests.integration.world import make_world


@pytest.fixture(scope="package")
def dev_fleet(clone: Clone) -> Iterator[DevFleet]:
    """Three clusters in one mesh; afterwards destroyed, with a look at what is left."""
    with make_world(clone) as world:
        yield DevFleet(world, world.meshfleet("up", "--stack", "dev", "--json"))
        world.meshfleet("destroy", "--stack", "dev", "--yes")
        assert world.remains("dev") == []
        assert clone.changed_files() == []
