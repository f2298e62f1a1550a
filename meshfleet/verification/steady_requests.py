"""A client that asks at a steady pace while something is done to the fleet, and what became of its requests.

It does not wait for one answer before it asks again: what is slow or lost shows, and hides nothing that comes after.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from meshfleet.dataplane.network.namespaces import enter_named, inside
from meshfleet.verification.traffic import Reply, Target, ask

_WORKERS = 64
"""Requests under way at once: at 50 a second, each may take more than a second before one waits for another."""


@dataclass(frozen=True)
class Sent:
    """A request: when it was due, in seconds since the first, when its answer came, and the answer."""

    due: float
    answered: float
    reply: Reply


@dataclass
class SteadyRequests:
    """All requests of one client, in the order in which they were due; whole once the client has stopped."""

    requests: list[Sent] = field(default_factory=list)
    _begun: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since the client began, to tell what happened when."""
        return time.monotonic() - self._begun

    def since(self, begun: float) -> SteadyRequests:
        """Those that were due after a moment, in seconds since the client began."""
        return SteadyRequests([one for one in self.requests if one.due >= begun], self._begun)

    @property
    def failed(self) -> Sequence[Sent]:
        """Those that nobody answered well."""
        return [one for one in self.requests if one.reply.code != 200]

    @property
    def longest_gap(self) -> float:
        """The longest time in seconds between two good answers, one after the other; the whole time without any."""
        moments = sorted(one.answered for one in self.requests if one.reply.code == 200)
        whole = max((one.answered for one in self.requests), default=0.0) - min(
            (one.due for one in self.requests), default=0.0
        )
        return max((later - earlier for earlier, later in itertools.pairwise(moments)), default=whole)

    def clusters(self) -> Counter[str]:
        """How often each cluster answered."""
        return Counter(one.reply.cluster for one in self.requests if one.reply.code == 200)

    def faults(self) -> Counter[str]:
        """What went wrong, and how often."""
        return Counter(f"{one.reply.code or 'no answer'}: {one.reply.fault}" for one in self.failed)


@contextmanager
def asking(namespace: str, target: Target, per_second: float = 50.0, seconds: float = 5.0) -> Iterator[SteadyRequests]:
    """Ask from a network namespace, so often a second, until the end of the block; each may take `seconds`.

    What it gives is filled as answers come. Raises NetworkError when there is no such namespace.
    """
    # Told here, and not as a pool of threads that is broken.
    inside(namespace, lambda: None)
    found = SteadyRequests()
    stop = threading.Event()
    pending: list[tuple[float, Future[Sent]]] = []

    def one(due: float) -> Sent:
        reply = ask(target, seconds)
        return Sent(due, found.elapsed, reply)

    def pace(pool: ThreadPoolExecutor) -> None:
        for number in itertools.count():
            due = number / per_second
            if stop.wait(max(0.0, due - found.elapsed)):
                return
            pending.append((due, pool.submit(one, due)))
            while pending and pending[0][1].done():
                found.requests.append(pending.pop(0)[1].result())

    with ThreadPoolExecutor(_WORKERS, "steady", initializer=enter_named, initargs=(namespace,)) as pool:
        pacer = threading.Thread(target=pace, args=(pool,), name="steady requests", daemon=True)
        pacer.start()
        try:
            yield found
        finally:
            stop.set()
            pacer.join()
            found.requests.extend(request.result() for _, request in pending)
