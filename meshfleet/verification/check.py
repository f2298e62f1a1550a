"""A check: one condition, evaluated for each of its target clusters until it passes or its timeout expires."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from tenacity import RetryCallState, Retrying, retry_if_result, wait_exponential

from meshfleet.errors import MeshfleetError, RefusedError, UnreachableError
from meshfleet.errors.causes import printable
from meshfleet.errors.containment import MALFORMED, Failure
from meshfleet.verification.not_allowed import NotAllowedError, is_denied
from meshfleet.verification.result import CheckResult
from meshfleet.verification.unreachable import NoResponseError
from meshfleet.verification.view import ClusterView, FleetView

DEFAULT_TIMEOUT = 30.0
"""Seconds for a fleet to converge: istiod's own limit for the first sync of a remote cluster."""

FORBIDDEN = 403

UNREACHABLE_TIMEOUT = 4.0
"""Seconds to retry while a server does not respond at all; an istiod process starts in about two."""


@dataclass(frozen=True)
class Finding:
    """What one evaluation observed, in one line; `unreachable` if the server did not respond.

    `not_allowed` if the cluster does not allow or offer what the check needs; the detail is then the reason.
    """

    passed: bool
    detail: str
    unreachable: bool = False
    not_allowed: bool = False


class Check(ABC):
    """A condition with a name in kebab-case; a subclass defines its target clusters and one evaluation."""

    name: ClassVar[str]

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        """The clusters the check runs on: all clusters unless a subclass overrides it."""
        return fleet.clusters

    def skipped(self, fleet: FleetView) -> Mapping[str, str]:
        """The clusters that would be targets but cannot be checked, each with the reason."""
        return {}

    @abstractmethod
    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        """Evaluate once, within `timeout` seconds.

        May raise MeshfleetError, which becomes the finding; with NotAllowedError the check is skipped.
        """

    def run(self, fleet: FleetView, timeout: float = DEFAULT_TIMEOUT) -> Iterator[CheckResult]:
        """One result for each target cluster, each within about `timeout` seconds. Raises no MeshfleetError."""
        for cluster in self.targets(fleet):
            yield self.run_on(fleet, cluster, timeout)

    def run_on(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> CheckResult:
        """Evaluate one cluster until it passes or `timeout` seconds elapse; the result is the last evaluation.

        An evaluation that the cluster does not allow is not repeated.
        """
        started = time.monotonic()
        deadline = started + timeout
        finding = retry_until_passed(lambda: self._evaluate_safely(fleet, cluster, deadline), timeout)
        return CheckResult(
            name=self.name,
            cluster=cluster.name,
            ok=finding.passed,
            detail=printable(" ".join(finding.detail.split())),
            seconds=time.monotonic() - started,
            unreachable=finding.unreachable,
            not_allowed=finding.not_allowed,
        )

    def _evaluate_safely(self, fleet: FleetView, cluster: ClusterView, deadline: float) -> Finding:
        # The last attempt gets at least a second: a slow response is better than none.
        attempt_timeout = max(1.0, deadline - time.monotonic())
        try:
            return self.evaluate(fleet, cluster, attempt_timeout)
        except NotAllowedError as error:
            return Finding(False, str(error), not_allowed=True)
        except RefusedError as error:
            return Finding(False, str(error), not_allowed=error.code == FORBIDDEN and is_denied(str(error)))
        except (UnreachableError, NoResponseError) as error:
            return Finding(False, str(error), unreachable=True)
        except MeshfleetError as error:
            return Finding(False, str(error))
        except MALFORMED as error:
            # A malformed object fails this check only.
            reason = Failure(cluster.name, error).reason
            return Finding(False, f"{cluster.name} has a malformed object that cannot be checked ({reason})")


def retry_until_passed(evaluate: Callable[[], Finding], timeout: float) -> Finding:
    """Evaluate with exponential backoff until it passes; the last finding once `timeout` seconds have elapsed."""

    def expired(state: RetryCallState) -> bool:
        outcome = state.outcome
        last: Finding | None = outcome.result() if outcome else None
        limit = min(timeout, UNREACHABLE_TIMEOUT) if last and last.unreachable else timeout
        return (state.seconds_since_start or 0.0) + state.upcoming_sleep > limit

    def last_finding(state: RetryCallState) -> Finding:
        assert state.outcome is not None  # tenacity calls this only after an attempt
        finding: Finding = state.outcome.result()
        return finding

    return Retrying(
        stop=expired,
        wait=wait_exponential(multiplier=0.1, max=2.0),
        retry=retry_if_result(lambda finding: not finding.passed and not finding.not_allowed),
        retry_error_callback=last_finding,
    )(evaluate)
