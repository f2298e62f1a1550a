"""Two primaries in one mesh, whose roots and then reader tokens are changed one after another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.clone import Clone
from tests.integration.rotation.fleet import STACK, configuration
from tests.integration.world import World, make_world


@pytest.fixture(scope="package")
def shared(clone: Clone) -> Iterator[World]:
    """The world of the fleet, which is destroyed at the end."""
    with make_world(clone) as world:
        clone.write_stack(STACK, configuration({}))
        world.meshfleet("up", "--stack", STACK, "--json")
        yield world
        world.meshfleet("destroy", "--stack", STACK, "--yes")
        assert world.remains(STACK) == []
