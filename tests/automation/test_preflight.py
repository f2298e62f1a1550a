"""Before the engine runs: what cannot be made in place is refused, what is to be forgotten or made anew leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from meshfleet.automation import forgetting
from meshfleet.automation.checkout import Checkout
from meshfleet.automation.identities import Reading, start_reading
from meshfleet.automation.preflight import check_preconditions, prepare_up
from meshfleet.automation.state.recorded_state import clusters_of
from meshfleet.embedded.cluster_spec import ClusterSpec, dump_spec
from meshfleet.topology import Fleet, StackFile, TopologyError, load
from meshfleet.versions import EMBEDDED_KUBERNETES
from tests.automation.recorded_states import damage, names, recorded

pytestmark = pytest.mark.proof("what cannot be changed in place is refused before anything is touched", step=0)


def config(**clusters: Any) -> dict[str, Any]:
    """`hub` and `west` in one mesh, `shop` in another, as they are recorded; `clusters` are changes, None takes out."""
    declared: dict[str, Any] = {
        "hub": {"embedded": {}, "network": "network-hub", "mesh": "mesh1"},
        "west": {"embedded": {}, "network": "network-west", "mesh": "mesh1"},
        "shop": {"embedded": {}, "network": "network-shop", "mesh": "mesh2", "controlPlane": {"external": "hub"}},
    }
    for name, changes in clusters.items():
        declared[name] = None if changes is None else declared[name] | changes
    kept = {name: cluster for name, cluster in declared.items() if cluster is not None}
    return {
        "host": "hub",
        "meshes": {cluster["mesh"]: {} for cluster in kept.values()},
        "networks": {cluster["network"]: {} for cluster in kept.values()},
        "clusters": kept,
    }


@dataclass
class MadeUp:
    """A session and its engine, with the state in memory."""

    checkout: Checkout
    topology: Fleet
    state: dict[str, Any] = field(default_factory=recorded)
    rewritten: int = 0
    quiet: bool = True
    kubeconfigs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def engine(self) -> MadeUp:
        return self

    @property
    def reading(self) -> Reading:
        return start_reading(self.topology, {}, self.checkout.home)

    @property
    def file(self) -> StackFile:
        return StackFile("west", self.checkout.root, {})

    def recorded(self) -> dict[str, Any]:
        return self.state

    def rewrite(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.state = change(self.state)
        self.rewritten += 1


Make = Callable[..., Any]


@pytest.fixture
def session(checkout: Checkout) -> Make:
    """A session of this configuration, whose embedded clusters are there, complete and not running."""

    def make(*absent: str, **clusters: Any) -> MadeUp:
        topology = load("west", config(**clusters))
        for name in set(topology.clusters) - set(absent):
            folder = checkout.fleet("west") / "clusters" / name
            folder.mkdir(parents=True)
            (folder / "cluster.json").write_text(dump_spec(ClusterSpec(name, EMBEDDED_KUBERNETES)), encoding="utf-8")
        return MadeUp(checkout, topology)

    return make


def test_with_nothing_to_do_the_state_is_only_looked_at(session: Make, capsys: pytest.CaptureFixture[str]) -> None:
    made = session()
    assert prepare_up(made, ()) == {}
    assert made.rewritten == 0
    assert capsys.readouterr().err == ""


def test_what_cannot_be_made_in_place_and_what_cannot_be_forgotten_is_reported_at_once_and_touches_nothing(
    session: Make,
) -> None:
    made = session(west={"mesh": "mesh3"})
    with pytest.raises(TopologyError) as caught:
        prepare_up(made, ["hub", "south"])
    assert [fault.path for fault in caught.value.faults] == ["--forget", "--forget", "clusters.west.mesh"]
    assert made.rewritten == 0
    assert forgetting.interrupted(made.checkout, "west") == ()
    with pytest.raises(TopologyError):
        check_preconditions(made)


def test_a_cluster_that_is_forgotten_leaves_and_the_others_stay(session: Make) -> None:
    made = session(west=None)
    told = prepare_up(made, ["west"])
    assert list(told) == ["west"]
    assert clusters_of(made.state) == ("hub", "shop")
    assert forgetting.interrupted(made.checkout, "west") == ("west",)


def test_whoever_it_served_needs_no_second_step_once_the_primary_is_lost(session: Make) -> None:
    # Its control plane was at `hub`, which is gone; the new host is not up yet, and nothing better can be had.
    hosted = {"west": {"mesh": "mesh1"}, "shop": {"controlPlane": {"external": "west"}}}
    changed = config(**hosted)
    del changed["clusters"]["hub"], changed["networks"]["network-hub"]
    made = session()
    made.topology = load("west", changed | {"host": "west"})
    assert list(prepare_up(made, ["hub"])) == ["hub"]


def test_a_forgetting_that_was_interrupted_is_gone_on_with_unless_the_cluster_is_back(session: Make) -> None:
    made = session(west=None)
    note = made.checkout.fleet("west") / "forgetting.json"
    note.write_text(json.dumps(["west"]), encoding="utf-8")
    assert list(prepare_up(made, ())) == ["west"]
    assert "west" not in clusters_of(made.state)
    back: Any = MadeUp(made.checkout, load("west", config()))
    (made.checkout.fleet("west") / "clusters" / "west").mkdir(parents=True)
    spec = made.checkout.fleet("west") / "clusters" / "west" / "cluster.json"
    spec.write_text(dump_spec(ClusterSpec("west", EMBEDDED_KUBERNETES)), encoding="utf-8")
    assert prepare_up(back, ()) == {}
    assert clusters_of(back.state) == ("hub", "shop", "west")


def test_a_cluster_of_which_nothing_is_left_leaves_with_what_was_in_it(
    session: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    made = session("west")
    assert prepare_up(made, ()) == {}
    assert made.rewritten == 1
    assert damage(made.state) == []
    assert "west/processes" not in names(made.state)
    assert "west/istiod" not in names(made.state)
    assert {"west/kubernetes", "west/intermediate", "hub/processes"} <= names(made.state)
    said = capsys.readouterr().err
    assert said == ("west: the directory of the cluster is missing; it is recreated with all of its resources\n")


def test_a_cluster_that_does_not_run_and_is_to_be_another_one_leaves_too_and_what_it_costs_is_said(
    session: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    made = session(west={"podCidr": "10.9.0.0/16"})
    # The recorded description is of a release that did not tell ranges.
    description = made.state["resources"][0]["outputs"]["fleet"]
    for cluster in description["clusters"]:
        cluster["podCidr"] = None
    prepare_up(made, ())
    assert "west/processes" not in names(made.state)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("clusters.west.podCidr: 10.9.0.0/16 in place of the default recreates the cluster")
    assert lines[1].startswith("west: the cluster is stopped and must be replaced; it is recreated")


def test_releases_of_a_running_cluster_that_is_replaced_leave_with_it(
    session: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The engine deletes what is in it in no order, and Helm uninstalls nothing whose namespace is gone.
    monkeypatch.setattr("meshfleet.embedded.cluster.Cluster.state", lambda _: "running")
    made = session(west={"podCidr": "10.9.0.0/16"})
    before = names(made.state)
    prepare_up(made, ())
    assert damage(made.state) == []
    assert before - names(made.state) == {"west/istio-base", "west/istiod", "west/east-west-gateway"}


def test_a_cluster_that_is_taken_out_is_left_to_the_engine_which_sends_it_no_request(session: Make) -> None:
    made = session("west", west=None)
    prepare_up(made, ())
    assert made.rewritten == 0
