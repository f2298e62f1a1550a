"""The program exports the status of its version, whatever the fleet."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshfleet.status import VERSION, read_status, write_status
from meshfleet.topology import Fleet
from tests.components.registered_graph import Graph

pytestmark = pytest.mark.proof("the status is one typed, versioned document", step=1)


def whole(value: Any) -> Any:
    """The same with the numbers that came through the engine as doubles."""
    return json.loads(json.dumps(value), parse_float=lambda text: int(float(text)) if text.endswith(".0") else text)


def test_what_any_fleet_exports_is_a_status_and_nothing_else(graph: Graph, fleet: Fleet) -> None:
    exported = graph.outputs["fleet"]
    assert exported["version"] == VERSION
    # Nothing in it is unknown to the model, and all of it comes back.
    assert whole(write_status({key: value for key, value in exported.items() if key != "version"})) == whole(exported)
    status = read_status(exported)
    assert [cluster.name for cluster in status.clusters] == list(fleet.clusters)
    assert whole(status.document()) == whole(exported)
