"""The result of one check for one cluster, and the report of a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class CheckResult:
    """The result of one check for one cluster.

    `detail` is the evidence in one line: the observed state, and for a failed check also the expected state and what
    to do. `seconds` is the duration of the check, retries included. `unreachable` is true if the cluster or its istiod
    did not respond at all, `not_allowed` if the cluster does not allow the check, which is then not part of a report.
    """

    name: str
    cluster: str
    ok: bool
    detail: str
    seconds: float
    unreachable: bool = False
    not_allowed: bool = False

    def as_json(self) -> dict[str, Any]:
        """The result as one entry of `verify --json`; seconds rounded to milliseconds."""
        return {
            "name": self.name,
            "cluster": self.cluster,
            "ok": self.ok,
            "detail": self.detail,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, order=True)
class NotRun:
    """A check that was skipped for a cluster although the stack declares what it verifies, and the reason."""

    name: str
    cluster: str
    reason: str


@dataclass(frozen=True)
class Report:
    """All results of one run, and the checks that were skipped."""

    results: tuple[CheckResult, ...]
    not_run: tuple[NotRun, ...] = ()

    @property
    def ok(self) -> bool:
        """True only if at least one check ran and all checks passed: without a check the fleet is not verified."""
        return bool(self.results) and all(result.ok for result in self.results)

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The failed results, in the order of the report."""
        return tuple(result for result in sorted(self.results) if not result.ok)

    def as_json(self) -> dict[str, Any]:
        """The report as `{"ok": bool, "checks": [...]}`, sorted by name and cluster regardless of completion order.

        `notRun` is present if a check was skipped: `[{"name", "cluster", "reason"}]`.
        """
        report: dict[str, Any] = {"ok": self.ok, "checks": [result.as_json() for result in sorted(self.results)]}
        return report | ({"notRun": [asdict(one) for one in sorted(self.not_run)]} if self.not_run else {})
