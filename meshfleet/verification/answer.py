"""What came back: one answer for each check and cluster, and the report they make."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Answer:
    """One check's answer about one cluster.

    `detail` is the evidence in one line: what was seen; and when `ok` is false also what was expected and
    what to try. `seconds` is how long it took from the first look to this answer, waiting included. `unreachable` when
    the cluster or its istiod did not answer at all.
    """

    name: str
    cluster: str
    ok: bool
    detail: str
    seconds: float
    unreachable: bool = False

    def as_json(self) -> dict[str, Any]:
        """The answer as one entry of `verify --json`; seconds rounded to milliseconds."""
        return {
            "name": self.name,
            "cluster": self.cluster,
            "ok": self.ok,
            "detail": self.detail,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, order=True)
class NotRun:
    """A check that could not be put to a cluster, where the stack asks for what it looks at, and why."""

    name: str
    cluster: str
    reason: str


@dataclass(frozen=True)
class Report:
    """All answers of one run, and what could not be asked."""

    answers: tuple[Answer, ...]
    not_run: tuple[NotRun, ...] = ()

    @property
    def ok(self) -> bool:
        """True only if at least one check ran and all hold: a fleet that was asked nothing is not verified."""
        return bool(self.answers) and all(answer.ok for answer in self.answers)

    @property
    def failed(self) -> tuple[Answer, ...]:
        """The answers that do not hold, in the order of the report."""
        return tuple(answer for answer in sorted(self.answers) if not answer.ok)

    def as_json(self) -> dict[str, Any]:
        """The whole as `{"ok": bool, "checks": [...]}`, sorted by name and cluster whatever came back first.

        `notRun` is there when something could not be asked: `[{"name", "cluster", "reason"}]`.
        """
        told: dict[str, Any] = {"ok": self.ok, "checks": [answer.as_json() for answer in sorted(self.answers)]}
        return told | ({"notRun": [asdict(one) for one in sorted(self.not_run)]} if self.not_run else {})
