"""What judges a change must see all of it: an observer goes on over a restart, and does not die unheard."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from meshfleet.testing import Istiod, Sandbox
from tests.integration.fleets.observer import UNANSWERED, Observer, trusts
from tests.verification.conftest import Authority

pytestmark = pytest.mark.proof("a mesh goes from one root to another, and trust holds at every moment", step=3)


@pytest.fixture
def ending() -> Iterator[int]:
    """The port of a server that reads the request, and ends before it responds."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)

        served = pool.submit(serve)
        yield listener.getsockname()[1]
        served.result(timeout=10)


def test_an_istiod_that_ends_while_it_shakes_hands_has_not_answered(ending: int) -> None:
    with pytest.raises(UNANSWERED):
        trusts(Authority("root").pem.decode(), ending)


def test_an_istiod_that_ends_while_it_is_queried_has_not_answered(ending: int) -> None:
    with pytest.raises(UNANSWERED):
        Istiod.on_port("any", ending).sync()


def test_the_failure_of_an_observer_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object) -> None:
        raise json.JSONDecodeError("no response of an istiod", "", 0)

    monkeypatch.setattr(Observer, "_watch", nowhere)
    monkeypatch.setattr(Sandbox, "meshfleet", lambda *_: None)
    observer = Observer(Sandbox.__new__(Sandbox), "any", ("host", "west"))
    with pytest.raises(json.JSONDecodeError, match="no response of an istiod"), observer.watching():
        pass
