"""Run all checks on a fleet in parallel and collect the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from meshfleet.verification.check import DEFAULT_TIMEOUT, Check
from meshfleet.verification.checks import ALL
from meshfleet.verification.kept_connections import KEPT
from meshfleet.verification.result import CheckResult, NotRun, Report
from meshfleet.verification.view import FleetView

WORKERS = 12
"""Maximum number of threads: most of them wait, but each istioctl is a process that uses a core."""


def run(
    fleet: FleetView,
    checks: Sequence[Check] = ALL,
    on_result: Callable[[CheckResult], None] | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> Report:
    """Run `checks` on all of their target clusters in parallel, each for at most `timeout` seconds.

    `on_result` is called in the caller's thread with each result as it arrives. A cluster that cannot be reached gives
    failed results that name it, never an exception. A check that a cluster does not allow is reported as skipped.
    """
    tasks = [(check, cluster) for check in checks for cluster in check.targets(fleet)]
    not_run = tuple(
        NotRun(check.name, cluster, reason) for check in checks for cluster, reason in check.skipped(fleet).items()
    )
    if not tasks:
        return Report((), not_run)
    results: list[CheckResult] = []
    denied: list[NotRun] = []
    workers = min(WORKERS, len(tasks))
    with KEPT.run(), ThreadPoolExecutor(max_workers=workers, thread_name_prefix="verify") as pool:
        pending = [pool.submit(check.run_on, fleet, cluster, timeout) for check, cluster in tasks]
        for done in as_completed(pending):
            result = done.result()
            if result.not_allowed:
                denied.append(NotRun(result.name, result.cluster, result.detail))
                continue
            results.append(result)
            if on_result is not None:
                on_result(result)
    return Report(tuple(sorted(results)), (*not_run, *sorted(set(denied))))
