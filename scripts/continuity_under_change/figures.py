"""What became of the requests during one change, and the table of all of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from meshfleet.verification.steady_requests import SteadyRequests
from scripts.continuity_under_change.caller import await_all, make_caller, requests
from scripts.continuity_under_change.changes import Change
from scripts.continuity_under_change.fleet_under_change import STACK, FleetUnderChange

BEFORE_SECONDS = 3.0
"""So long nothing is changed, and what fails then is not of the change."""
AFTER_SECONDS = 10.0
"""What has been begun by then comes to its end: proxies drain for five seconds."""


@dataclass(frozen=True)
class Figures:
    """One change: how long it took, and all requests that were due from 3 s before it to 10 s after it."""

    what: str
    seconds: float
    sent: SteadyRequests

    @property
    def row(self) -> str:
        """A row of the table."""
        answered = ", ".join(f"{name} {count}" for name, count in sorted(self.sent.clusters().items()))
        counts = f"{len(self.sent.requests)} | {len(self.sent.failed)}"
        return f"| {self.what} | {self.seconds:.0f} s | {counts} | {self.sent.longest_gap:.2f} s | {answered} |"


def during(change: Change, fleet: FleetUnderChange) -> Figures:
    """Make a change while requests are sent. Raises what the change raises."""
    if change.before:
        change.before(fleet)
    if change.new_caller:
        make_caller(fleet)
    await_all(fleet)
    # A proxy that lost its istiod in the change before does not hear of this one until it is connected again.
    fleet.command("verify", "--stack", STACK, "--check", "proxies-synced")
    with requests(fleet) as sent:
        time.sleep(BEFORE_SECONDS)
        begun = time.monotonic()
        change.make(fleet)
        seconds = time.monotonic() - begun
        time.sleep(AFTER_SECONDS)
    return Figures(change.what, seconds, sent)


def faults(figures: Figures) -> list[str]:
    """What was lost and when, one line for each kind and second."""
    lines = []
    for one in figures.sent.failed:
        taken = one.answered - one.due
        lines.append(f"{one.due:7.2f} s, after {taken:.2f} s: {one.reply.code or 'no response'}: {one.reply.fault}")
    return lines


def unexpected_faults(figures: Figures, gateways: int) -> list[str]:
    """`faults` but one for each of `gateways`, how many were replaced: a request that was on its way through it.

    docs/continuity.md ("What is not covered") says why that one may be lost.
    """
    lines = faults(figures)
    for line in [line for line in lines if line.endswith("reset reason: connection termination")][:gateways]:
        lines.remove(line)
    return lines


def table(figures: Sequence[Figures]) -> str:
    """The rows as Markdown."""
    head = ["| what is done | takes | sent | failed | longest gap | who answered |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *(one.row for one in figures)])
