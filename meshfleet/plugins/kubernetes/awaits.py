"""Waiting for one object, bounded: until it is ready, until it is gone.

A wait watches the object, so it ends in the moment the server says so and asks nothing in between. When its time is
up it says what it waited for, what the object lacked last, and how to wait longer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from meshfleet.plugins.kubernetes.annotations import TIMEOUT_SECONDS
from meshfleet.plugins.kubernetes.connection import Connection
from meshfleet.plugins.kubernetes.faults import NotReadyError
from meshfleet.plugins.kubernetes.kinds import Kind
from meshfleet.plugins.kubernetes.values import JsonObject, at

Question = Callable[[JsonObject], str | None]

# A watch ends after this long and is started again: the most that a dead connection or an interrupt can cost.
_WATCH_SECONDS: Final = 10.0


class Waiting:
    """Waits on one server; `cancel` ends them all, as a user's interrupt does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """End all waits, now and to come, with an error."""
        self._cancelled.set()

    def until_ready(self, kind: Kind, live: JsonObject, lacks: Question, seconds: float) -> JsonObject:
        """The object once it lacks nothing. Raises NotReadyError after `seconds`, or when it is deleted meanwhile."""
        name, namespace = (
            str(live["metadata"]["name"]),
            live["metadata"].get("namespace"),
        )
        deadline = time.monotonic() + seconds
        what = kind.describe(namespace, name)
        while True:
            missing = lacks(live)
            if missing is None:
                return live
            self._give_up(deadline, f"{what} did not become ready in {seconds:g} s: {missing}")
            for state in self._watch(kind, namespace, name, live, deadline):
                if state is None:
                    raise NotReadyError(f"{what} was deleted while it was waited for; last seen: {missing}")
                live = state
                missing = lacks(live)
                if missing is None:
                    return live
                self._give_up(deadline, f"{what} did not become ready in {seconds:g} s: {missing}")
            found = self._connection.get(kind, namespace, name)
            if found is None:
                raise NotReadyError(f"{what} was deleted while it was waited for; last seen: {missing}")
            live = found

    def until_gone(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        identifier: str | None,
        seconds: float,
    ) -> None:
        """Return once the object is gone, or another has taken its name. Raises NotReadyError after `seconds`.

        `identifier` is the uid of the object meant, None for whatever has the name.
        """
        deadline = time.monotonic() + seconds
        what = kind.describe(namespace, name)
        while True:
            live = self._connection.get(kind, namespace, name)
            if live is None or (identifier is not None and at(live, "metadata", "uid") != identifier):
                return
            self._give_up(
                deadline,
                f"{what} was not gone after {seconds:g} s; it is held by {holders(live)}",
            )
            if any(state is None for state in self._watch(kind, namespace, name, live, deadline)):
                return

    def _watch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        live: JsonObject,
        deadline: float,
    ) -> Iterator[JsonObject | None]:
        seconds = min(max(1.0, deadline - time.monotonic()), _WATCH_SECONDS)
        return self._connection.watch(kind, namespace, name, live["metadata"]["resourceVersion"], seconds)

    def _give_up(self, deadline: float, message: str) -> None:
        if self._cancelled.is_set():
            raise NotReadyError(f"interrupted; {message}")
        if time.monotonic() >= deadline:
            raise NotReadyError(
                f"{message}. Look at its events, then run again; to wait longer set `custom_timeouts` or the "
                f"annotation {TIMEOUT_SECONDS}"
            )


def holders(live: JsonObject) -> str:
    """What keeps an object that is being deleted, as far as it says so itself.

    Of a namespace its conditions say what is left in it, or what could not be listed
    (pkg/controller/namespace/deletion/status_condition_utils.go of kubernetes/kubernetes).
    """
    finalizers = at(live, "metadata", "finalizers") or []
    messages = [
        " ".join(str(condition.get("message") or condition.get("reason") or condition.get("type")).split())
        for condition in at(live, "status", "conditions") or []
        if str(condition.get("type", "")).startswith("Namespace") and condition.get("status") == "True"
    ]
    return "; ".join([*(f"the finalizer {name}" for name in finalizers), *messages]) or "nothing that it names"
