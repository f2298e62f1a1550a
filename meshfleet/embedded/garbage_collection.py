"""How often the components of embedded clusters collect garbage: a trade of memory for processor time.

While an API server starts and takes Istio's CustomResourceDefinitions its heap grows from nothing, and a third of its
processor time goes to collections (docs/development.md). With twice as much heap between them `up` takes a tenth less
processor time, and each cluster some 200 MiB more. Go's own setting is right where fleets must fit into little memory.
https://go.dev/doc/gc-guide#GOGC
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from meshfleet.errors import ProcessError

VARIABLE: Final = "MESHFLEET_GOGC"
ROOMY: Final = 8 * 1024**3
"""Bytes of memory from which on it is spent on processor time."""

_PERCENT: Final = re.compile(r"[1-9][0-9]{1,3}")
_SPENDING: Final = "200"
# What a container may have, in cgroups of version 2 and 1.
# Source: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def collection() -> dict[str, str]:
    """The variable for the environment of a component; none where Go's default of 100 per cent is to hold.

    Raises ProcessError when MESHFLEET_GOGC is not a number of per cent from 10 to 9999.
    """
    percent = os.environ.get(VARIABLE, "")
    if not percent:
        return {"GOGC": _SPENDING} if _available() >= ROOMY else {}
    if not _PERCENT.fullmatch(percent):
        raise ProcessError(f"{VARIABLE} must be a number of per cent from 10 to 9999, as Go's GOGC, got {percent!r}")
    return {"GOGC": percent}


def _available() -> int:
    """Bytes of memory that can be had without swapping, at most what the container of this process may have."""
    # Plugins that start no cluster need it for nothing else.
    import psutil

    found: int = psutil.virtual_memory().available
    for path in _LIMITS:
        try:
            limit = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        # "max" where there is none.
        if limit.isascii() and limit.isdigit():
            found = min(found, int(limit))
    return found
