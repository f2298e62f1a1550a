"""Which publishers respond: all are tried side by side, once in a run, for two seconds in all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Thread
from typing import Final

from meshfleet.errors import UnpublishedError
from meshfleet.toolchain.published.mirrors import Addresses
from meshfleet.toolchain.published.requests import Limits, Requests
from meshfleet.toolchain.published.table import Table

SECONDS: Final = 2.0

_SEEN: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}


@dataclass
class _Probe:
    """What one publisher did; `fault` until it responds."""

    fault: str = "does not respond"


def silent_publishers(table: Table, addresses: Addresses, *, seconds: float = SECONDS) -> Mapping[str, str]:
    """The publishers that do not respond within `seconds`, and what was seen in place of a response.

    The result holds for the rest of the process.
    """
    known = tuple(sorted(addresses.bases.items()))
    if known not in _SEEN:
        _SEEN[known] = _try_all(table, addresses, seconds)
    return _SEEN[known]


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
