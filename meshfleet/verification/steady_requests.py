"""A client that sends requests at a constant rate while the fleet changes, and the outcome of every request.

It does not wait for a response before the next request, so that a slow or lost request does not hide later ones.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from meshfleet.dataplane.network.namespaces import threads_in
from meshfleet.verification.traffic import CLOSING, Reply, Target, request

_WORKERS = 64
"""Maximum number of concurrent requests: at 50 per second, each may take more than a second before others queue."""


@dataclass(frozen=True)
class Sent:
    """A request: when it was due and when its response arrived, in seconds since the first, and the response."""

    due: float
    answered: float
    reply: Reply


@dataclass
class SteadyRequests:
    """All requests of one client, in the order in which they were due; complete once the client has stopped."""

    requests: list[Sent] = field(default_factory=list)
    _begun: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since the client started."""
        return time.monotonic() - self._begun

    def since(self, begun: float) -> SteadyRequests:
        """The requests that were due after `begun`, in seconds since the client started."""
        return SteadyRequests([one for one in self.requests if one.due >= begun], self._begun)

    @property
    def failed(self) -> Sequence[Sent]:
        """The requests without a response of status 200."""
        return [one for one in self.requests if one.reply.code != 200]

    @property
    def longest_gap(self) -> float:
        """The longest time in seconds between two successful responses; the whole duration if there is none."""
        moments = sorted(one.answered for one in self.requests if one.reply.code == 200)
        whole = max((one.answered for one in self.requests), default=0.0) - min(
            (one.due for one in self.requests), default=0.0
        )
        return max((later - earlier for earlier, later in itertools.pairwise(moments)), default=whole)

    def clusters(self) -> Counter[str]:
        """The number of successful responses from each cluster."""
        return Counter(one.reply.cluster for one in self.requests if one.reply.code == 200)

    def faults(self) -> Counter[str]:
        """The number of failures by cause."""
        return Counter(f"{one.reply.code or 'no response'}: {one.reply.fault}" for one in self.failed)


@contextmanager
def send_steadily(
    namespace: str, target: Target, per_second: float = 50.0, seconds: float = 10.0
) -> Iterator[SteadyRequests]:
    """Send requests from a network namespace at a constant rate until the end of the block, each with a timeout.

    A response that comes late is none that is lost: `SteadyRequests.longest_gap` tells of it.
    The result is filled as responses arrive. Raises NetworkError when there is no such namespace.
    """
    found = SteadyRequests()
    target = replace(target, path=f"{target.path}?{CLOSING}")
    stop = threading.Event()
    pending: list[tuple[float, Future[Sent]]] = []

    def one(due: float) -> Sent:
        reply = request(target, seconds)
        return Sent(due, found.elapsed, reply)

    def pace(pool: ThreadPoolExecutor) -> None:
        for number in itertools.count():
            due = number / per_second
            if stop.wait(max(0.0, due - found.elapsed)):
                return
            pending.append((due, pool.submit(one, due)))
            while pending and pending[0][1].done():
                found.requests.append(pending.pop(0)[1].result())

    with threads_in(namespace, _WORKERS, "steady") as pool:
        pacer = threading.Thread(target=pace, args=(pool,), name="steady requests", daemon=True)
        pacer.start()
        try:
            yield found
        finally:
            stop.set()
            pacer.join()
            found.requests.extend(request.result() for _, request in pending)
