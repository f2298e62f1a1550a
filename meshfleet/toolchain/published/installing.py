"""Takes what a plan lacks from its publishers, as far as they have it; the rest is left to be built."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from meshfleet.errors import ToolchainError, UnpublishedError
from meshfleet.toolchain.extras import Extra
from meshfleet.toolchain.installation import PUBLISHED, Installation
from meshfleet.toolchain.progress import Progress
from meshfleet.toolchain.published.choice import Order, choose
from meshfleet.toolchain.published.downloads import Downloads
from meshfleet.toolchain.published.hearing import Hearing
from meshfleet.toolchain.published.mirrors import VARIABLE, Addresses, addresses_for
from meshfleet.toolchain.published.probe import silent_publishers
from meshfleet.toolchain.published.records import PROJECT_LOCK, keep_records, read_records
from meshfleet.toolchain.published.requests import Limits, Requests
from meshfleet.toolchain.published.table import Table, standard_table
from meshfleet.toolchain.published.taking import Taker
from meshfleet.toolchain.recipes import Recipe, go_platform
from meshfleet.workspace.cache import Cache

Parts = Sequence[tuple[Recipe | Extra, Installation]]

_AT_ONCE: Final = 4


@dataclass(frozen=True)
class Publishing:
    """Where published programs come from; None as `addresses` is what the environment says."""

    table: Table = field(default_factory=standard_table)
    addresses: Addresses | None = None
    limits: Limits = field(default_factory=Limits)
    project_lock: Path = PROJECT_LOCK

    def resolved(self) -> Addresses | None:
        """The addresses, or None when nothing is to be downloaded. Raises ToolchainError for a wrong mirror file."""
        return self.addresses or addresses_for(self.table, os.environ.get(VARIABLE, ""))


def install_published(
    publishing: Publishing, cache: Cache, parts: Parts, versions: Mapping[str, str], progress: Progress
) -> frozenset[str]:
    """Install what publishers have of `parts`; the tools that are installed now. Only for the builders' lock's holder.

    `versions` is of every tool of the plan. Raises ToolchainError when what comes is not what is published.
    """
    addresses = publishing.resolved()
    if addresses is None or not parts:
        return frozenset()
    silent = silent_publishers(publishing.table, addresses, cache.silent_publishers)
    orders = choose(publishing.table, parts, silent, go_platform(), versions)
    if silent and any(isinstance(part, Recipe) for part, _ in parts):
        progress.note(f"publishers that do not respond, so that their tools are built: {', '.join(sorted(silent))}")
        # A mirror that was configured is expected to respond.
        for name in sorted(addresses.mirrored & silent.keys()):
            progress.note(f"  the mirror of {name}: {silent[name]}")
    if not orders:
        return frozenset()
    return _Run(publishing, addresses, cache).install(orders, progress)


def is_published(publishing: Publishing, cache: Cache, parts: Parts) -> bool:
    """Whether a publisher that responds has any of `parts`. Raises ToolchainError for a wrong mirror file."""
    addresses = publishing.resolved()
    if addresses is None or not parts:
        return False
    silent = silent_publishers(publishing.table, addresses, cache.silent_publishers)
    return bool(choose(publishing.table, parts, silent, go_platform(), {}))


class _Run:
    """The downloads of one run."""

    def __init__(self, publishing: Publishing, addresses: Addresses, cache: Cache) -> None:
        self._requests = Requests(addresses, publishing.limits)
        self._user_lock = cache.published_lock
        self._known = {**read_records(self._user_lock), **read_records(publishing.project_lock)}
        downloads = Downloads(self._requests, cache.downloads)
        self._taker = Taker(self._requests, downloads, self._known, publishing.table.started)
        self._lock = Lock()

    def install(self, orders: Sequence[Order], progress: Progress) -> frozenset[str]:
        """Install all that is ordered, some at a time; what is not available is left, with its reason as a note."""
        pool = ThreadPoolExecutor(_AT_ONCE)
        try:
            jobs = {order.tool: pool.submit(self._install, order, progress) for order in orders}
            finished, _ = wait(jobs.values(), return_when=FIRST_EXCEPTION)
            for job in finished:
                job.result()
            return frozenset(tool for tool, job in jobs.items() if job.result())
        finally:
            self._requests.stop()
            pool.shutdown(cancel_futures=True)
            self._requests.close()

    def _install(self, order: Order, progress: Progress) -> bool:
        staging = order.place.path.with_name(f".build-{order.tool}-{os.getpid()}")
        hearing = Hearing(order.tool, order.version, progress)
        try:
            shutil.rmtree(staging, ignore_errors=True)
            records = self._taker.take(order, staging, hearing)
            with self._lock:
                keep_records(self._user_lock, {name: one for name, one in records.items() if name not in self._known})
            order.place.publish(staging, source=PUBLISHED, version=order.version)
        except UnpublishedError as error:
            shutil.rmtree(staging, ignore_errors=True)
            stopped = self._requests.stopped.is_set()
            progress.end(order.tool, order.version, "stopped" if stopped else "not available as published")
            if not stopped:
                progress.note(f"  {error}")
            return False
        except (ToolchainError, OSError):
            shutil.rmtree(staging, ignore_errors=True)
            progress.end(order.tool, order.version, "failed")
            raise
        progress.end(order.tool, order.version, f"as published, {hearing.summary()}")
        return True
