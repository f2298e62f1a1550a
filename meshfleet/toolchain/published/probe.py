"""Which publishers respond: all are tried side by side, once in a run, for two seconds in all.

A run may be several processes (scripts/up): which did not respond is kept in the cache for a few minutes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread
from typing import Final

from meshfleet.errors import FileError, ToolchainError, UnpublishedError
from meshfleet.files import make_directory, read_record, write_file
from meshfleet.files.json_text import parse_json
from meshfleet.toolchain.published.mirrors import Addresses
from meshfleet.toolchain.published.requests import Limits, Requests
from meshfleet.toolchain.published.table import Table

SECONDS: Final = 2.0

_KEPT_SECONDS: Final = 300.0


@dataclass
class _Probe:
    """What one publisher did; `fault` until it responds."""

    fault: str = "does not respond"


@dataclass(frozen=True)
class Seen:
    """Which publishers of these addresses did not respond, and what was seen; `at` is a time of `time.time`."""

    bases: Mapping[str, str]
    silent: Mapping[str, str]
    at: float


def silent_publishers(
    table: Table, addresses: Addresses, memory: Path, *, seconds: float = SECONDS
) -> Mapping[str, str]:
    """The publishers that do not respond within `seconds`, and what was seen in place of a response.

    `memory` is a file with the last result, which holds for a few minutes. Raises ToolchainError when it cannot be
    written.
    """
    bases = dict(addresses.bases)
    try:
        seen = read_record(memory, parse_seen, "remove it")
    except FileError:
        seen = None
    if seen and seen.bases == bases and 0 <= time.time() - seen.at < _KEPT_SECONDS:
        return seen.silent
    silent = _try_all(table, addresses, seconds)
    try:
        make_directory(memory.parent)
        write_file(memory, json.dumps(asdict(Seen(bases, silent, time.time()))))
    except FileError as error:
        raise ToolchainError(str(error)) from error
    return silent


def parse_seen(text: str) -> Seen:
    """What a memory file says. Raises ValueError, TypeError or KeyError for a damaged one."""
    found = parse_json(text)
    texts = [{str(name): str(value) for name, value in found[key].items()} for key in ("bases", "silent")]
    return Seen(texts[0], texts[1], float(found["at"]))


def _try_all(table: Table, addresses: Addresses, seconds: float) -> Mapping[str, str]:
    deadline = time.monotonic() + seconds
    requests = Requests(addresses, Limits(connect=seconds, stall=seconds, tries=1))
    probes = {name: _Probe() for name in table.publishers}
    threads = [
        # A name that is not resolved holds its thread for longer; that ends by itself.
        Thread(target=_try_one, args=(requests, addresses.url(name, table.publishers[name].probe), probe), daemon=True)
        for name, probe in probes.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return {name: probe.fault for name, probe in probes.items() if probe.fault}


def _try_one(requests: Requests, url: str, probe: _Probe) -> None:
    try:
        # Not its redirects: whether a page behind them exists says nothing of the files.
        status = requests.status(url)
    except UnpublishedError as error:
        probe.fault = str(error)
        return
    probe.fault = f"HTTP {status}" if status >= 500 else ""
