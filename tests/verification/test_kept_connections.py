"""Checks of one run share connections, one check at a time, and nothing of them is left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from lightkube import Client

from meshfleet.verification.kept_connections import KeptConnections

pytestmark = pytest.mark.proof("verification of a running fleet", step=0)


class Connection:
    """Counts what is made, and who uses it."""

    made: list[Connection]

    def __init__(self, made: list[Connection]) -> None:
        made.append(self)
        self.users = 0
        self.closed = 0

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: Any) -> None:
        self.closed += 1


def test_a_connection_is_used_again_by_the_next_check_and_closed_at_the_end() -> None:
    kept, made = KeptConnections(), list[Connection]()

    def connect() -> Client:
        return cast("Client", Connection(made))

    with kept.run():
        for _ in range(3):
            with kept.connection("west", connect):
                assert [one.closed for one in made] == [0]
        with kept.connection("east", connect):
            pass
    assert [one.closed for one in made] == [1, 1]


def test_outside_of_a_run_each_is_closed_at_once() -> None:
    kept, made = KeptConnections(), list[Connection]()
    for number in (1, 2):
        with kept.connection("west", lambda: cast("Client", Connection(made))):
            pass
        assert [one.closed for one in made] == [1] * number


def test_one_in_which_something_failed_is_not_used_again() -> None:
    kept, made = KeptConnections(), list[Connection]()

    def connect() -> Client:
        return cast("Client", Connection(made))

    with kept.run():
        with pytest.raises(ValueError, match="broken"), kept.connection("west", connect):
            raise ValueError("broken")
        with kept.connection("west", connect):
            assert [one.closed for one in made] == [1, 0]
    assert [one.closed for one in made] == [1, 1]


def test_checks_at_the_same_moment_never_share_one() -> None:
    kept, made = KeptConnections(), list[Connection]()

    def check(_: int) -> int:
        with kept.connection("west", lambda: cast("Client", Connection(made))) as client:
            mine = cast("Connection", client)
            mine.users += 1
            seen = mine.users
            mine.users -= 1
            return seen

    with kept.run(), ThreadPoolExecutor(8) as pool:
        assert set(pool.map(check, range(400))) == {1}
    assert len(made) <= 8
    assert {one.closed for one in made} == {1}
