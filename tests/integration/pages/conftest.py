"""The stack `dev`, brought up once for this folder: what the pages say of it holds, by every command."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshfleet.testing import FleetUnderTest
from tests.integration.clone import Clone
from tests.integration.dev_stack import dev_stack


@pytest.fixture(scope="package")
def dev_fleet(clone: Clone) -> Iterator[FleetUnderTest]:
    """Three clusters in one mesh."""
    with dev_stack(clone) as fleet:
        yield fleet
