"""A move in its two steps: what is written and brought up in which order, and what stays when it fails midway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meshfleet.automation import evicted_shares, reconciliation
from meshfleet.automation.evicted_shares import left_in, lines_of, out_of_reach, pending_lines
from meshfleet.automation.reconciliation import Access, Reconciler, Round
from meshfleet.errors import ClusterError, EngineError
from meshfleet.federation.failover import Choice, Move, placed_by
from meshfleet.federation.reachability import Reachability
from meshfleet.topology import Fleet
from meshfleet.workspace.failover_record import Kept, read_kept
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.standing_evictions import with_evictions
from tests.federation.test_failover_decisions import REPLICAS, fleet, in_order, shares

pytestmark = pytest.mark.proof("the share of a cluster that stays unreachable moves, and comes back by rule", step=1)

SINCE = "2028-11-22T04:51:12Z"
EVICTED = {"web": {"b": SINCE}}
DECLARED = fleet(placement=in_order("b", "c"))
OBJECT = "propagation-web-deployment-shop-web"


@dataclass
class MadeUp:
    """A session whose engine notes what it is to bring up, and the record at that time."""

    workspace: Workspace
    topology: Fleet
    fails_at: int = 0
    ran: list[tuple[dict[str, int], Kept]] = field(default_factory=list)
    targets: list[list[str]] = field(default_factory=list)
    kubeconfigs: Mapping[str, Any] = field(default_factory=dict)
    recorded: tuple[str, ...] = ()
    name = "test"
    file = SimpleNamespace(stack="test")

    @property
    def checkout(self) -> Any:
        return SimpleNamespace(workspace=lambda _: self.workspace)

    @property
    def engine(self) -> Any:
        urns = (f"urn:pulumi:test::meshfleet::kubernetes:apps/v1:Deployment::{name}" for name in self.recorded)
        resources = [{"urn": urn, "type": "kubernetes:apps/v1:Deployment"} for urn in urns]
        return SimpleNamespace(recorded=lambda: {"resources": resources})

    def notify(self, text: str) -> None:
        pass

    def run(self, operation: str, title: str, *, stage: Fleet, target: list[str]) -> None:
        assert operation == "up"
        self.ran.append((shares(stage), read_kept(self.workspace)))
        self.targets.append(target)
        if len(self.ran) == self.fails_at:
            raise EngineError("it did not complete")


@pytest.fixture
def session(tmp_path: Path) -> MadeUp:
    return MadeUp(Workspace("test", tmp_path / "home"), DECLARED)


def moved(session: MadeUp, evictions: dict[str, dict[str, str]], *silent: str) -> list[str]:
    """One round that is to lead there, of clusters that answer but for these."""
    answers = {name: name not in silent for name in DECLARED.clusters}
    session.topology = with_evictions(DECLARED, session.workspace)
    access: Access = {}
    return reconciliation._Round(session, Choice(evictions), answers, access).run()  # type: ignore[arg-type]


def test_a_share_is_in_its_new_home_before_it_leaves_and_is_pending_where_nothing_answers(session: MadeUp) -> None:
    lines = moved(session, EVICTED, "b")
    assert session.ran == [
        ({"b": REPLICAS, "c": REPLICAS}, Kept(EVICTED, {})),
        ({"c": REPLICAS}, Kept(EVICTED, None, {"web": ("b",)})),
    ]
    assert lines == [
        f"web: c gains Deployment web: 0 → {REPLICAS} replicas",
        "web: Deployment web stays in b, pending until it responds",
    ]
    # No target is in the cluster that does not respond, or does not move: the stack file may have changes that are not
    # deployed yet, and that go in waves.
    assert {target.rpartition("::")[2] for target in session.targets[0]} == {"a", "c", f"c/{OBJECT}"}


def test_what_was_left_is_removed_once_its_cluster_answers_though_its_share_stays_elsewhere(session: MadeUp) -> None:
    moved(session, EVICTED, "b")
    assert moved(session, EVICTED) == ["web: what was left in b is removed"]
    # Until the engine has removed it, it is pending: after a kill the next round does.
    assert session.ran[-1] == ({"c": REPLICAS}, Kept(EVICTED, None, {"web": ("b",)}))
    assert read_kept(session.workspace) == Kept(EVICTED)
    assert any(target.endswith(f"::b/{OBJECT}") for target in session.targets[-1])
    moved(session, {})
    assert [found for found, _ in session.ran[-2:]] == [{"b": REPLICAS, "c": REPLICAS}, {"b": REPLICAS}]
    assert read_kept(session.workspace) == Kept()


def test_a_move_that_fails_leaves_both_copies_and_the_next_round_goes_on(session: MadeUp) -> None:
    session.fails_at = 1
    with pytest.raises(EngineError):
        moved(session, EVICTED, "b")
    assert read_kept(session.workspace) == Kept(EVICTED, {})
    assert shares(with_evictions(DECLARED, session.workspace)) == {"b": REPLICAS, "c": REPLICAS}
    moved(session, EVICTED, "b")
    assert [found for found, _ in session.ran[1:]] == [{"b": REPLICAS, "c": REPLICAS}, {"c": REPLICAS}]


def test_a_new_home_that_is_not_ready_in_time_keeps_the_old_copy(
    session: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(self: Any, move: Move) -> None:
        raise ClusterError(f"waited for {move.cluster}")

    monkeypatch.setattr(reconciliation._Round, "_await", late)
    with pytest.raises(ClusterError, match="waited for c"):
        moved(session, EVICTED, "b")
    assert len(session.ran) == 1
    assert read_kept(session.workspace) == Kept(EVICTED, {})


def test_up_leaves_alone_what_is_elsewhere_by_now_in_a_cluster_that_does_not_respond(
    session: MadeUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = placed_by(DECLARED, EVICTED)
    session.topology, session.recorded = away, (f"b/{OBJECT}", "b/istiod", f"c/{OBJECT}")
    assert [urn.rpartition("::")[2] for urn in left_in(session, away, "b")] == [f"b/{OBJECT}"]  # type: ignore[arg-type]
    # A cluster on this machine is started by `up`, which then removes it.
    assert out_of_reach(session) == {}  # type: ignore[arg-type]
    cluster = SimpleNamespace(capabilities=SimpleNamespace(context=SimpleNamespace(context="b")))
    known = {"b": SimpleNamespace(content="")}
    elsewhere = SimpleNamespace(evictions=EVICTED, clusters={"b": cluster}, derived=away.derived)
    session.topology, session.kubeconfigs = elsewhere, known  # type: ignore[assignment]
    monkeypatch.setattr(evicted_shares, "answering", lambda asked: dict.fromkeys(asked, False))
    found = out_of_reach(session)  # type: ignore[arg-type]
    assert [*pending_lines(found)] == [
        f"b: does not respond; {OBJECT} stay there and are removed when it responds again"
    ]
    monkeypatch.setattr(evicted_shares, "answering", lambda asked: dict.fromkeys(asked, True))
    assert out_of_reach(session) == {}  # type: ignore[arg-type]


def test_each_share_that_is_elsewhere_is_told_with_what_brings_it_back() -> None:
    assert [*lines_of(placed_by(DECLARED, EVICTED))] == [
        f"web: its share of b is elsewhere, no response since {SINCE}; it comes back after 120 s of answers by "
        "meshfleet reconcile"
    ]
    never = fleet(placement=in_order("b", "c"), failover={"recover": "Never"})
    (line,) = lines_of(placed_by(never, EVICTED))
    assert line.endswith("it comes back with meshfleet reconcile --recover b")


def test_where_no_cluster_answers_the_engine_never_runs(session: MadeUp) -> None:
    """Without targets it would deploy the whole stack file."""
    with pytest.raises(ClusterError, match="no cluster responds"):
        moved(session, EVICTED, "a", "b", "c")
    assert session.ran == []


@pytest.mark.parametrize("evict", [True, False])
def test_a_move_under_way_waits_for_a_home_that_does_not_respond_any_more(session: MadeUp, evict: bool) -> None:
    """It is lost as well only after its time; meanwhile both placements are held, and nothing is awaited in vain."""
    declared = fleet(placement=in_order("b", "c"), failover={"after": "1m", "evict": evict})
    now = 1000.0
    for evictions, before, home in (({}, EVICTED, "b"), (EVICTED, {}, "c")):
        session.topology = placed_by(declared, evictions, before)
        looks = {name: Reachability(name != home, now - 1, now) for name in declared.clusters}
        # The cluster that the share was moved from has not answered for long, where it is not the home.
        looks["b"] = Reachability(False, now - (1 if home == "b" else 600), now)
        choice, silent = Reconciler("test", quiet=True)._choice(session, Round(looks), now)  # type: ignore[arg-type]
        assert choice.evictions == evictions
        assert home in silent
