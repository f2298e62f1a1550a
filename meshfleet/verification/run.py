"""Put every check to a fleet at once and gather the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from meshfleet.verification.answer import Answer, NotRun, Report
from meshfleet.verification.check import DEFAULT_BOUND, Check
from meshfleet.verification.checks import ALL
from meshfleet.verification.kept_connections import KEPT
from meshfleet.verification.view import FleetView

WORKERS = 12
"""Threads at most: they mostly wait, but each istioctl is a process that wants a core."""


def run(
    fleet: FleetView,
    checks: Sequence[Check] = ALL,
    on_answer: Callable[[Answer], None] | None = None,
    bound: float = DEFAULT_BOUND,
) -> Report:
    """Put `checks` to every cluster they concern, in parallel, each for `bound` seconds at most.

    `on_answer` is called in the caller's thread with each answer as it comes. A cluster that cannot be
    reached gives failed answers that name it, never an exception.
    """
    questions = [(check, cluster) for check in checks for cluster in check.concerns(fleet)]
    not_run = tuple(
        NotRun(check.name, cluster, reason) for check in checks for cluster, reason in check.prevented(fleet).items()
    )
    if not questions:
        return Report((), not_run)
    answers: list[Answer] = []
    workers = min(WORKERS, len(questions))
    with KEPT.run(), ThreadPoolExecutor(max_workers=workers, thread_name_prefix="verify") as pool:
        pending = [pool.submit(check.ask_about, fleet, cluster, bound) for check, cluster in questions]
        for done in as_completed(pending):
            answer = done.result()
            answers.append(answer)
            if on_answer is not None:
                on_answer(answer)
    return Report(tuple(sorted(answers)), not_run)
