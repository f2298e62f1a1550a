"""A run that is stopped by what an interrupted one left settles that and goes on, once, and otherwise says why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

import meshfleet.kube.releases.server
import meshfleet.kube.releases.settling
from meshfleet.automation import pending_objects, unfinished_releases
from meshfleet.automation.checkout import Checkout
from meshfleet.automation.destruction import _destroy
from meshfleet.automation.reporting.changes import Change, Place, Record
from meshfleet.automation.session import Session
from meshfleet.errors import ClusterError, EngineError
from meshfleet.kube.releases.settling import Known, Settled
from meshfleet.topology import load, read_stack_file
from tests.automation.stack_files import ROOT

pytestmark = pytest.mark.proof("what an interrupted run left of a release is settled above the plugin", step=0)

PLACE = Place("west", "control plane", "istiod")
IN_USE = "create failed: cannot re-use a name that is still in use"
GONE = 'configmaps "mesh" not found'
NO_RELEASE = 'update failed: "istiod" has no deployed releases'


@dataclass
class MadeUpEngine:
    """Answers each run with the next of the records."""

    answers: list[str]
    runs: list[tuple[str, bool]] = field(default_factory=list)
    forgotten: list[list[str]] = field(default_factory=list)
    unreadable: str = ""

    def run(self, operation: str, on_event: object, *, refresh: bool = False, **options: Any) -> Record:
        self.runs.append((operation, refresh))
        record = Record(changes=[Change(PLACE, "create")])
        if text := self.answers.pop(0):
            record.failures[PLACE] = [text]
        return record

    def recorded(self) -> dict[str, Any]:
        if self.unreadable:
            raise EngineError(self.unreadable)
        return {}

    def superseded_tokens(self) -> list[str]:
        return []

    def forget_pending(self, keep: Collection[str] = ()) -> None:
        self.forgotten.append(sorted(keep))


Make = Callable[..., tuple[Session, MadeUpEngine]]


@pytest.fixture
def session(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A session whose engine answers so, on a fleet in which this can be settled, time after time."""

    def make(*answers: str, settled: list[list[Settled]], recorded: list[str] | None = None) -> Any:
        file = read_stack_file(ROOT / "stacks", "dev")
        made = Session(checkout, file, load(file.stack, file.config), quiet=True)
        engine = MadeUpEngine(list(answers))
        made.__dict__["engine"] = engine
        monkeypatch.setattr(unfinished_releases, "settle", lambda *_, **__: settled.pop(0) if settled else [])
        monkeypatch.setattr(pending_objects, "import_pending_objects", lambda _: recorded or [])
        # The name of a stack is relative to the folder of the checkout.
        monkeypatch.setattr(Session, "name", "dev")
        return made, engine

    return make


WHOLE = Settled("istio-system/istiod", "was left pending-install", False)
HALF = Settled("istio-system/istiod", "was left pending-upgrade", True)


def test_a_run_that_a_release_stopped_is_repeated_with_a_refresh_once_it_is_settled(session: Make) -> None:
    made, engine = session(IN_USE, "", settled=[[WHOLE]])
    record = made.bring_up("up dev", refresh=False)
    assert engine.runs == [("up", False), ("up", True)]
    assert len(record.changes) == 2


@pytest.mark.parametrize("answer", [IN_USE, "the API server does not respond"])
def test_where_nothing_can_be_settled_the_failure_is_reported_at_once(answer: str, session: Make) -> None:
    made, engine = session(answer, settled=[])
    with pytest.raises(EngineError, match="west: istiod"):
        made.bring_up("up dev", refresh=False)
    assert engine.runs == [("up", False)]


def test_it_is_repeated_once_and_not_for_ever(session: Make) -> None:
    made, engine = session(IN_USE, IN_USE, settled=[[WHOLE], [WHOLE]])
    with pytest.raises(EngineError, match="still in use"):
        made.bring_up("up dev", refresh=False)
    assert len(engine.runs) == 2


@pytest.mark.parametrize("answer", [GONE, NO_RELEASE])
def test_what_was_deleted_by_hand_makes_it_look_first_and_go_on(answer: str, session: Make) -> None:
    made, engine = session(answer, "", settled=[])
    made.bring_up("up dev", refresh=False)
    assert engine.runs == [("up", False), ("up", True)]


def test_what_is_gone_after_a_refresh_too_is_reported(session: Make) -> None:
    made, engine = session(GONE, settled=[])
    with pytest.raises(EngineError, match="not found"):
        made.bring_up("up dev", refresh=True)
    assert engine.runs == [("up", True)]


@pytest.mark.parametrize(
    ("settled", "recorded", "refreshed"),
    [([], [], False), ([WHOLE], [], False), ([HALF], [], True), ([], ["west/cacerts"], True)],
)
def test_after_an_interruption_the_next_run_looks_at_what_the_state_does_not_report(
    settled: list[Settled], recorded: list[str], refreshed: bool, session: Make
) -> None:
    made, engine = session("", "", settled=[settled], recorded=recorded)
    made.resume(interrupted=True)
    assert engine.forgotten == [[]]
    made.bring_up("up dev", refresh=False)
    made.bring_up("up dev", refresh=False)
    assert engine.runs == [("up", refreshed), ("up", False)]


RELEASE_GONE = "uninstall: Release not loaded: istiod: release: not found"


def test_a_destroy_looks_once_at_what_is_there_when_a_release_is_gone_already(session: Make) -> None:
    _, engine = session(RELEASE_GONE, "", settled=[])
    _destroy(cast("Any", engine), "dev", quiet=True)
    assert engine.runs == [("destroy", False), ("destroy", True)]


def test_a_destroy_is_repeated_once_and_not_for_ever(session: Make) -> None:
    _, engine = session(RELEASE_GONE, RELEASE_GONE, settled=[])
    with pytest.raises(EngineError, match="release: not found"):
        _destroy(cast("Any", engine), "dev", quiet=True)
    assert len(engine.runs) == 2


def test_nothing_but_up_is_ever_repeated_for_a_release_that_is_in_use(session: Make) -> None:
    made, engine = session(IN_USE, settled=[[WHOLE]])
    with pytest.raises(EngineError):
        made.run("destroy", "destroy dev")
    assert engine.runs == [("destroy", False)]


def test_what_could_not_be_looked_at_stays_in_the_state_until_everything_is_made(session: Make) -> None:
    made, engine = session(IN_USE, "", "", settled=[[], [], [WHOLE]])
    made.unsettled.clusters.add("west")
    made.resume(interrupted=True)
    # Looking again in the same command changes nothing of what it knows.
    made.resume()
    assert (made.unsettled.clusters, made.unsettled.interrupted) == ({"west"}, True)
    made.bring_up("up dev", refresh=False)
    # The release that stopped the first run was settled once its cluster answered.
    assert engine.runs == [("up", False), ("up", True)]
    assert engine.forgotten == [["west"], ["west"], []]
    assert made.unsettled.clusters == set()


@pytest.mark.parametrize("fails", [True, False])
def test_a_run_that_failed_leaves_it_for_the_next_command(fails: bool, session: Make) -> None:
    made, _ = session("the API server does not respond" if fails else "", settled=[])
    made.unsettled.clusters.add("west")
    with pytest.raises(EngineError) if fails else nullcontext():
        made.bring_up("up dev", refresh=False)
    assert made.unsettled.clusters == ({"west"} if fails else set())


class Server:
    """A cluster that answers from the second time on."""

    def __init__(self) -> None:
        self.known: list[Known] = []

    @contextmanager
    def connected(self, *_: object) -> Iterator[None]:
        if not self.known:
            self.known.append(Known(frozenset()))
            raise ClusterError("refused; start it")
        yield

    def settle(self, _: object, __: object, known: Known) -> list[Settled]:
        self.known.append(known)
        return []


def test_a_cluster_that_did_not_respond_after_a_kill_is_looked_at_as_after_a_kill(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = read_stack_file(ROOT / "stacks", "dev")
    made = Session(checkout, file, load(file.stack, file.config), quiet=True)
    server = Server()
    monkeypatch.setattr(meshfleet.kube.releases.server, "connected", server.connected)
    monkeypatch.setattr(meshfleet.kube.releases.settling, "settle", server.settle)
    monkeypatch.setattr(unfinished_releases, "_accesses", lambda _: [("west", lambda: ("kubeconfig", None))])
    made.unsettled.interrupted = True
    unfinished_releases.settle(made, {}, interrupted=True)
    assert made.unsettled.clusters == {"west"}
    unfinished_releases.settle(made, {}, interrupted=False)
    assert server.known[-1].interrupted


def test_what_failed_first_is_told_also_where_the_state_cannot_be_read_after_it(session: Make) -> None:
    made, engine = session("the disk is full", settled=[])
    engine.unreadable = "the backend does not respond"
    with pytest.raises(EngineError) as caught:
        made.run("up", "up")
    assert "the disk is full" in str(caught.value)
    assert "which rights are not revoked yet is not known: the backend does not respond" in str(caught.value)
