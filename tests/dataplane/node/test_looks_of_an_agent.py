"""A node agent looks at its cluster when something has changed there or here, and otherwise asks nothing of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import MagicMock

import pytest

from meshfleet.dataplane.network import node_network
from meshfleet.dataplane.network.node_network import NodeNetwork
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.node import agent
from meshfleet.dataplane.node.agent import Agent
from meshfleet.errors import ClusterError

pytestmark = pytest.mark.proof("pods as processes in network namespaces", step=1)

_SECONDS = 10.0


class Watched:
    """An agent whose looks are counted; `do` is what a look does, `others` the nodes that it finds here."""

    def __init__(self) -> None:
        self.looks = 0
        self.ticks = 0
        self.others: list[str] = []
        self.do: Callable[[], object] = lambda: None
        self.agent = Agent(MagicMock(), Place("0" * 8), MagicMock(), "west-0", 1, MagicMock(), MagicMock(), MagicMock())

    def look(self, _: object) -> None:
        self.looks += 1
        self.do()

    def here(self, _: object) -> list[str]:
        self.ticks += 1
        return list(self.others)

    def after_ticks(self, count: int) -> int:
        """The looks so far, once so many ticks have passed."""
        wanted = self.ticks + count
        eventually(lambda: self.ticks >= wanted)
        return self.looks


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + _SECONDS
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < end, "did not come to hold"
        pause.wait(0.002)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    made = Watched()
    monkeypatch.setattr(agent, "_TICK_SECONDS", 0.002)
    monkeypatch.setattr(agent, "nodes", made.here)
    monkeypatch.setattr(agent, "machines", lambda _: [])
    monkeypatch.setattr(node_network, "set_up", MagicMock())
    monkeypatch.setattr(Agent, "_watch", lambda *_: None)
    monkeypatch.setattr(Agent, "_beat", lambda _: None)
    monkeypatch.setattr(Agent, "_reconcile", lambda _, client: made.look(client))
    return made


@contextmanager
def running(watched: Watched) -> Iterator[None]:
    thread = threading.Thread(target=watched.agent.run)
    thread.start()
    try:
        yield
    finally:
        watched.agent.stop.set()
        thread.join(_SECONDS)
        assert not thread.is_alive()


def test_it_looks_once_and_then_only_when_it_is_woken(watched: Watched) -> None:
    with running(watched):
        assert watched.after_ticks(20) == 1
        watched.agent._woken.set()
        eventually(lambda: watched.looks == 2)
        assert watched.after_ticks(20) == 2


def test_another_node_that_comes_or_goes_is_seen_at_the_next_tick(watched: Watched) -> None:
    with running(watched):
        watched.after_ticks(3)
        watched.others = ["east"]
        eventually(lambda: watched.looks == 2)
        watched.others = []
        eventually(lambda: watched.looks == 3)


def test_a_pod_that_has_come_to_its_end_is_seen_at_the_next_tick(watched: Watched) -> None:
    thread: Any = MagicMock()
    watched.agent._pods["uid"] = (MagicMock(), thread)
    with running(watched):
        assert watched.after_ticks(5) == 1
        thread.is_alive.return_value = False
        eventually(lambda: watched.looks == 2)


def test_what_could_not_be_done_is_tried_at_the_next_tick(watched: Watched) -> None:
    def refused() -> None:
        raise ClusterError("the API server does not respond")

    watched.do = refused
    with running(watched):
        eventually(lambda: watched.looks >= 5)
        watched.do = lambda: None
        done = watched.after_ticks(5)
        assert watched.after_ticks(20) <= done + 1


def test_what_no_watch_told_of_is_found_by_a_look_that_nothing_asked_for(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "_LOOK_SECONDS", 0.01)
    with running(watched):
        eventually(lambda: watched.looks >= 5)


def test_files_that_cannot_be_read_are_looked_at_each_time(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_: object) -> list[NodeNetwork]:
        raise ClusterError("damaged")

    monkeypatch.setattr(agent, "nodes", unreadable)
    with running(watched):
        eventually(lambda: watched.looks >= 5)
