"""A fleet and what a run of it registers; tests of every shape of fleet ask for `fleet` and `graph`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from meshfleet.topology import Fleet
from tests.components.fleets import NAMES, fleet_called
from tests.components.recorded_fleets import graph_called
from tests.components.registered_graph import Graph


@pytest.fixture(params=NAMES)
def shape(request: pytest.FixtureRequest) -> str:
    """The name of a fleet; a test that asks for it, or for what follows from it, runs for every one."""
    return str(request.param)


@pytest.fixture
def fleet(shape: str) -> Fleet:
    """The fleet of that shape."""
    return fleet_called(shape)


@pytest.fixture
def graph(shape: str) -> Graph:
    """Everything registered for it."""
    return graph_called(shape)


@pytest.fixture
def graph_of() -> Callable[[str], Graph]:
    """Everything registered for the fleet of that name."""
    return graph_called
