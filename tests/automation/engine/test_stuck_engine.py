"""An engine that can no longer come to an end is told to, and no other is."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from pulumi.automation.events import EngineEvent

from meshfleet.automation.engine import stuck_engine
from meshfleet.automation.engine.stuck_engine import StuckEngine, interrupt_own
from tests.automation.events import done, failed, started

pytestmark = pytest.mark.proof("an engine that waits for what cannot come is ended within a bound", step=0)

COMPONENT = "meshfleet:components:EmbeddedCluster"
SECONDS = 0.02


@dataclass
class Interrupts:
    """What was sent, and how to wait for it."""

    sent: list[signal.Signals] = field(default_factory=list)
    condition: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, number: signal.Signals) -> None:
        with self.condition:
            self.sent.append(number)
            self.condition.notify_all()

    def came(self, count: int, seconds: float = 5.0) -> bool:
        with self.condition:
            return self.condition.wait_for(lambda: len(self.sent) >= count, timeout=seconds)


@pytest.fixture
def interrupts() -> Interrupts:
    return Interrupts()


def hear(events: list[EngineEvent], interrupts: Callable[[signal.Signals], None]) -> StuckEngine:
    engine = StuckEngine(interrupts, SECONDS)
    for event in events:
        engine.hear(event)
    return engine


def test_a_failed_deletion_of_a_replacement_and_then_silence_is_an_end(interrupts: Interrupts) -> None:
    deletion = [started("west/istiod", "delete-replaced"), failed("west/istiod", "delete-replaced")]
    component = started("west", "create", COMPONENT)
    with hear([component, started("east/istiod"), done("east/istiod"), *deletion], interrupts):
        assert interrupts.came(1)
    assert interrupts.sent[0] == signal.SIGINT


@pytest.mark.parametrize(
    "events",
    [
        [started("west/istiod", "delete"), failed("west/istiod", "delete")],
        [started("west/istiod"), failed("west/istiod")],
        [started("west/istiod", "delete-replaced"), done("west/istiod", "delete-replaced")],
        [
            started("east/istiod", "update"),
            started("west/istiod", "delete-replaced"),
            failed("west/istiod", "delete-replaced"),
        ],
    ],
    ids=["a deletion at the end", "a creation", "nothing failed", "something is under way"],
)
def test_nothing_else_is(events: list[EngineEvent], interrupts: Interrupts) -> None:
    with hear(events, interrupts):
        assert not interrupts.came(1, seconds=10 * SECONDS)


def test_what_goes_on_is_waited_for_to_its_end(interrupts: Interrupts) -> None:
    # What goes on begins first: after the failure alone the engine may be interrupted before another event is heard.
    broken = [started("west/istiod", "delete-replaced"), failed("west/istiod", "delete-replaced")]
    with hear([started("east/istiod", "update"), *broken], interrupts) as engine:
        assert not interrupts.came(1, seconds=10 * SECONDS)
        engine.hear(done("east/istiod", "update"))
        assert interrupts.came(1)


def test_an_engine_that_ignores_the_signal_gets_it_again_and_is_then_killed(
    interrupts: Interrupts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stuck_engine, "END_SECONDS", SECONDS)
    with hear([failed("west/istiod", "delete-replaced")], interrupts):
        assert interrupts.came(3)
        assert not interrupts.came(4, seconds=10 * SECONDS)
    assert interrupts.sent == [signal.SIGINT, signal.SIGINT, signal.SIGKILL]


def test_an_operation_that_has_ended_is_left_alone(interrupts: Interrupts) -> None:
    with hear([failed("west/istiod", "delete-replaced")], interrupts):
        pass
    assert not interrupts.came(1, seconds=10 * SECONDS)


def test_only_the_command_that_this_process_runs_is_interrupted() -> None:
    wait = ["-c", "import sys; print('ready', flush=True); sys.stdin.read()"]
    meant, other = (
        subprocess.Popen([name, *wait], executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for name in ("/tools/pulumi", "/elsewhere/pulumi")
    )
    try:
        for process in (meant, other):
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        interrupt_own("/tools/pulumi")(signal.SIGTERM)
        assert meant.wait(timeout=10) == -signal.SIGTERM
        assert other.poll() is None
    finally:
        for process in (meant, other):
            process.kill()
            process.communicate()
