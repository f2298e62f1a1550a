"""A check: one question, put to each cluster it concerns, looked at until it holds or its bound passes."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from tenacity import RetryCallState, Retrying, retry_if_result, wait_exponential

from meshfleet.errors import MeshfleetError, UnreachableError
from meshfleet.errors.causes import printable
from meshfleet.errors.containment import MALFORMED, Failure
from meshfleet.verification.answer import Answer
from meshfleet.verification.unreachable import NoAnswerError
from meshfleet.verification.view import ClusterView, FleetView

DEFAULT_BOUND = 30.0
"""Seconds for a fleet to settle: istiod's own bound for the first sync of a remote cluster."""

UNREACHABLE_PATIENCE = 4.0
"""Seconds to wait for something that does not answer at all; a process istiod starts in about two."""


@dataclass(frozen=True)
class Finding:
    """What one look at a cluster saw, in one line; `unreachable` when nobody was there to be asked."""

    holds: bool
    detail: str
    unreachable: bool = False


class Check(ABC):
    """A question with a name in kebab-case; a subclass says whom it concerns and how to look once."""

    name: ClassVar[str]

    def concerns(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        """The clusters the question is put to: all of them unless a subclass says otherwise."""
        return fleet.clusters

    def prevented(self, fleet: FleetView) -> Mapping[str, str]:
        """The clusters that it would concern and cannot be put to, each with the reason."""
        return {}

    @abstractmethod
    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        """Look once, for `patience` seconds at most. May raise MeshfleetError: it becomes the finding."""

    def ask(self, fleet: FleetView, bound: float = DEFAULT_BOUND) -> Iterator[Answer]:
        """One answer for each cluster concerned, none later than about `bound` seconds. Raises nothing of ours."""
        for cluster in self.concerns(fleet):
            yield self.ask_about(fleet, cluster, bound)

    def ask_about(self, fleet: FleetView, cluster: ClusterView, bound: float) -> Answer:
        """Look at one cluster until it holds or `bound` seconds pass; the answer tells the last look."""
        started = time.monotonic()
        deadline = started + bound
        finding = settle(lambda: self._look_safely(fleet, cluster, deadline), bound)
        return Answer(
            name=self.name,
            cluster=cluster.name,
            ok=finding.holds,
            detail=printable(" ".join(finding.detail.split())),
            seconds=time.monotonic() - started,
            unreachable=finding.unreachable,
        )

    def _look_safely(self, fleet: FleetView, cluster: ClusterView, deadline: float) -> Finding:
        # The last look of a spent bound still gets a second: a slow answer beats none.
        patience = max(1.0, deadline - time.monotonic())
        try:
            return self.look(fleet, cluster, patience)
        except (UnreachableError, NoAnswerError) as error:
            return Finding(False, str(error), unreachable=True)
        except MeshfleetError as error:
            return Finding(False, str(error))
        except MALFORMED as error:
            # What one object holds keeps no other question from being answered.
            reason = Failure(cluster.name, error).reason
            return Finding(False, f"{cluster.name} holds an object that cannot be judged ({reason})")


def settle(look: Callable[[], Finding], bound: float) -> Finding:
    """Look again and again, ever more slowly, until a look holds; the last look when `bound` seconds passed."""

    def spent(state: RetryCallState) -> bool:
        outcome = state.outcome
        last: Finding | None = outcome.result() if outcome else None
        limit = min(bound, UNREACHABLE_PATIENCE) if last and last.unreachable else bound
        return (state.seconds_since_start or 0.0) + state.upcoming_sleep > limit

    def last_look(state: RetryCallState) -> Finding:
        assert state.outcome is not None  # tenacity calls this only after an attempt
        finding: Finding = state.outcome.result()
        return finding

    return Retrying(
        stop=spent,
        wait=wait_exponential(multiplier=0.1, max=2.0),
        retry=retry_if_result(lambda finding: not finding.holds),
        retry_error_callback=last_look,
    )(look)
