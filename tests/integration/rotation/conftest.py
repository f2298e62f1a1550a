"""Two primaries in one mesh, whose roots and then reader tokens are changed one after another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshfleet.testing import Sandbox
from tests.integration.clone import Clone
from tests.integration.rotation.fleet import STACK, configuration


@pytest.fixture(scope="package")
def shared(clone: Clone) -> Iterator[Sandbox]:
    """The sandbox of the fleet, which is destroyed at the end."""
    with clone.sandbox() as sandbox:
        clone.write_stack(STACK, configuration({}))
        sandbox.meshfleet("up", "--stack", STACK, "--json")
        yield sandbox
        sandbox.meshfleet("destroy", "--stack", STACK, "--yes")
        assert sandbox.remains(STACK) == []
