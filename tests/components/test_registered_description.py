"""The exported description says what the next run needs to know of this one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.registered_graph import Graph
from tests.topology.described import described
from topology import Fleet
from topology.transitions import made_anew, transitions

pytestmark = pytest.mark.proof("what cannot be changed in place is refused before anything is touched", step=1)


def narrowed(told: Any, wanted: Any) -> Any:
    """What is told, without the keys that are not wanted."""
    if isinstance(wanted, dict):
        return {key: narrowed(told[key], value) for key, value in wanted.items()}
    if isinstance(wanted, list):
        return [narrowed(one, other) for one, other in zip(told, wanted, strict=True)]
    return told


def test_what_transitions_look_at_is_exported_and_a_fleet_can_stay_as_it_is(fleet: Fleet, graph: Graph) -> None:
    told, wanted = graph.outputs["fleet"], described(fleet)
    for cluster in wanted["clusters"]:
        # Known at run time alone.
        del cluster["controlPlane"]["debugUrl"]
    assert narrowed(told, wanted) == wanted
    assert list(transitions(told, fleet)) == []
    assert list(made_anew(told, fleet)) == []
