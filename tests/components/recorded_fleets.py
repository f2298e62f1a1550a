"""What a run registers for each shape of fleet, recorded once in a process.

`tests/conftest.py` hands all tests of one shape to one process, so that it is recorded once in a run.
"""

from __future__ import annotations

from functools import cache

from tests.components.fleets import fleet_called
from tests.components.registered_graph import Graph
from tests.components.registrations import record


@cache
def graph_called(shape: str) -> Graph:
    """Everything registered for the fleet of that name, which all tests share."""
    return record(fleet_called(shape))
