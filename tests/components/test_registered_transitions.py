"""The next run knows of this one what it needs: by the exported description, and by what resources are called."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.automation.state.deployment import deployed_fleet
from meshfleet.rollout.transitions import recreations, transitions
from meshfleet.topology import Fleet, load
from tests.components.fleets import in_one_mesh
from tests.components.registered_graph import Graph
from tests.components.registrations import record
from tests.topology.described import described

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
    assert list(transitions(deployed_fleet(told), fleet)) == []
    assert list(recreations(deployed_fleet(told), fleet)) == []


def test_a_cluster_that_gets_its_own_control_plane_or_gives_it_up_keeps_its_charts() -> None:
    def charts(plane: Any) -> dict[str, str]:
        clusters = {"hub": {"embedded": {}}, "west": {"embedded": {}, "controlPlane": plane}}
        graph = record(load("dev", in_one_mesh(clusters)))
        return {resource.what: resource.urn for resource in graph.custom if resource.cluster == "west"}

    own, remote = charts("own"), charts({"remote": "hub"})
    # With another URN the engine would make each beside the old one, whose place is taken.
    assert {name: own[name] for name in own.keys() & remote.keys()} == {
        name: remote[name] for name in own.keys() & remote.keys()
    }
    assert {"istio-base", "istiod", "istio-system", "reader-token", "east-west-gateway"} <= own.keys() & remote.keys()
