"""Shares that another machine moved stay where they are: the state of the stack decides, not what this one has."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.automation.evictions_in_force import read_evictions
from meshfleet.errors import EngineError
from meshfleet.federation.failover import placed_by
from meshfleet.workspace.failover_record import Kept, read_kept, write_kept
from tests.automation.made_up_session import STATUS
from tests.automation.shared_stack import DECLARED, KilledError, Machine, SharedStack
from tests.examples import up_to
from tests.federation.test_failover_decisions import REPLICAS, fleet, in_order, shares

pytestmark = pytest.mark.proof("shares that another machine moved stay where they are", step=1)

SINCE = "2028-11-22T04:51:12Z"
EVICTED = {"web": {"b": SINCE}}


@pytest.fixture
def stack() -> SharedStack:
    return SharedStack()


@pytest.fixture
def machines(tmp_path: Path, stack: SharedStack) -> tuple[Machine, Machine]:
    here = Machine(stack, tmp_path / "here")
    here.up()
    stack.ready = set(stack.copies)
    return here, Machine(stack, tmp_path / "ci")


def test_up_elsewhere_takes_moved_shares_over_and_keeps_a_record(machines: tuple[Machine, Machine]) -> None:
    here, ci = machines
    here.move(EVICTED)
    assert here.stack.copies == {"c"}
    ci.up()
    assert here.stack.copies == {"c"}
    # For what reads no state, such as `placement`.
    assert read_kept(ci.workspace) == Kept(EVICTED)


def test_a_record_that_is_older_than_the_state_moves_nothing(machines: tuple[Machine, Machine]) -> None:
    here, ci = machines
    here.move(EVICTED)
    ci.move({})
    assert read_kept(here.workspace) == Kept(EVICTED)
    here.up()
    assert (here.stack.copies, read_kept(here.workspace)) == ({"b"}, Kept())


def test_what_was_moved_between_the_begin_and_the_lock_of_a_command_counts(machines: tuple[Machine, Machine]) -> None:
    here, _ = machines
    begun = here.session()
    here.move(EVICTED)
    assert shares(begun.topology) == {"b": REPLICAS}
    begun._take_over_evictions()
    assert shares(begun.topology) == {"c": REPLICAS}
    # The program is given this fleet, so that it does not decide once more.
    assert begun.overridden


def test_what_is_moved_elsewhere_between_two_runs_of_a_command_stops_it(machines: tuple[Machine, Machine]) -> None:
    """Such as the stages of an `up`, which may wait in between for long."""
    here, ci = machines
    running = ci.locked()
    running.run("up", "up test", stage=running.topology)
    running.run("up", "up test", stage=running.topology)
    here.move(EVICTED)
    with pytest.raises(EngineError, match="moved from another machine since this command began"):
        running.run("up", "up test", stage=running.topology)
    assert here.stack.copies == {"c"}


def test_a_move_that_was_killed_elsewhere_is_held_and_completed(machines: tuple[Machine, Machine]) -> None:
    here, ci = machines
    with pytest.raises(KilledError):
        here.move(EVICTED, (1, "after"))
    ci.up()
    assert here.stack.copies == {"b", "c"}
    assert ci.locked().topology.evictions_before == {}
    ci.move(EVICTED)
    assert here.stack.copies == {"c"}


def test_a_copy_that_was_not_taken_away_is_pending_on_any_machine(machines: tuple[Machine, Machine]) -> None:
    here, ci = machines
    here.move(EVICTED)
    # The cluster did not respond, so that the state still has it.
    here.stack.copies = {"b", "c"}
    assert read_evictions(ci.session()) == Kept(EVICTED, None, {"web": ("b",)})
    here.stack.copies = {"c"}
    assert read_evictions(ci.session()) == Kept(EVICTED)


def test_a_stack_that_was_never_brought_up_has_nothing_elsewhere(stack: SharedStack, tmp_path: Path) -> None:
    machine = Machine(stack, tmp_path)
    write_kept(machine.workspace, Kept(EVICTED))
    assert shares(machine.locked().topology) == {"b": REPLICAS}


def test_where_the_state_says_nothing_of_shares_the_record_counts(stack: SharedStack, tmp_path: Path) -> None:
    """It is of a release that did not write it."""
    machine = Machine(stack, tmp_path)
    write_kept(machine.workspace, Kept(EVICTED, {}))
    stack.description = dict(STATUS)
    assert shares(machine.locked().topology) == {"b": REPLICAS, "c": REPLICAS}


@pytest.mark.parametrize(
    "wrong",
    [{"evictions": None}, {"evictions": ["b"]}, {"evictions": [{"propagation": "web"}]}, {"evictionsBefore": 1}],
)
def test_a_state_that_cannot_be_read_stops_before_anything_moves(
    wrong: dict[str, Any], machines: tuple[Machine, Machine]
) -> None:
    here, _ = machines
    here.stack.description = STATUS | wrong
    with pytest.raises(EngineError, match=r"where shares are cannot be read .*evictions"):
        here.up()
    assert here.stack.copies == {"b"}


def test_a_stack_without_failover_reads_no_state(machines: tuple[Machine, Machine]) -> None:
    here, _ = machines
    web = DECLARED.propagations["web"].model_copy(update={"failover": None})
    made = here.session(DECLARED.model_copy(update={"propagations": {"web": web}}))
    made.__dict__["engine"] = None
    made._take_over_evictions()
    assert not made.overridden


def test_a_cluster_that_cannot_hold_a_share_elsewhere_any_more_gets_it_back(machines: tuple[Machine, Machine]) -> None:
    here, ci = machines
    here.move(EVICTED)
    assert ci.locked(fleet(placement=in_order("b"))).topology.evictions == {}


CHOICES = st.sampled_from([{}, EVICTED, {"web": {"c": SINCE}}, {"web": {"b": SINCE, "c": SINCE}}])
KILLS = st.tuples(st.sampled_from([0, 1, 2, 2, 3]), st.sampled_from(["before", "within", "after"]))
COMMANDS = st.lists(st.tuples(st.integers(0, 1), st.one_of(st.none(), CHOICES), KILLS), max_size=12)


@given(COMMANDS)
@up_to(100)
def test_whichever_machine_is_killed_where_a_copy_serves_and_the_next_round_completes_it(commands: list[Any]) -> None:
    with _homes() as (here, ci):
        here.up()
        stack = here.stack
        stack.ready = set(stack.copies)
        for number, evictions, kill in commands:
            machine = (here, ci)[number]
            with suppress(KilledError):
                machine.up(kill) if evictions is None else machine.move(evictions, kill)
            assert stack.ready & stack.copies
        for evictions, machine in ((EVICTED, here), ({}, ci)):
            machine.move(evictions)
            assert (
                stack.ready
                == stack.copies
                == {name for name, count in shares(placed_by(DECLARED, evictions)).items() if count}
            )
            assert read_evictions(machine.session()) == Kept(evictions)


@contextmanager
def _homes() -> Iterator[tuple[Machine, Machine]]:
    """Two machines without any memory, on one stack."""
    stack = SharedStack()
    with tempfile.TemporaryDirectory() as place:
        yield Machine(stack, Path(place) / "here"), Machine(stack, Path(place) / "ci")
