"""Processes of a fleet that are known by its identity or by a port of it, wherever they were started from.

Before "removed" is reported nothing of this kind may be left. A process on one of the fleet's ports is the fleet's when
it has its identity; or when an earlier version started it from a home whose path has a space, at which kwokctl cut it.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.embedded.cluster_spec import COMPONENTS
from meshfleet.processes.listeners import listening
from meshfleet.processes.process_table import Row, rows

if TYPE_CHECKING:
    import psutil

_PROGRAMS: Final = frozenset({*COMPONENTS, "pilot-discovery"})


def of_fleet(identity: str, ports: Collection[int], home: Path) -> list[psutil.Process]:
    """The living processes of a fleet; `ports` are those that it has reserved on loopback."""
    import psutil

    table = list(rows())
    known = {row.pid for row in table if row.identity == identity}
    if " " in str(home):
        on_ports = set(listening(ports).values())
        known |= {row.pid for row in table if row.pid in on_ports and _cut(row, home)}
    found = []
    for pid in sorted(known):
        try:
            found.append(psutil.Process(pid))
        except psutil.NoSuchProcess:
            continue
    return found


def cut_directories(ports: Collection[int], home: Path) -> list[Path]:
    """Where kwokctl put clusters of a home whose path it cut: below the part before the space, outside of the home.

    Only where a process on one of the ports still says so, and with the notes and certificates of a cluster in it.
    """
    if " " not in str(home):
        return []
    on_ports = set(listening(ports).values())
    found = {Path(row.program).parents[1] for row in rows() if row.pid in on_ports and _cut(row, home)}
    return sorted(one for one in found if (one / "kwok.yaml").is_file() and (one / "pki").is_dir())


def _cut(row: Row, home: Path) -> bool:
    return not row.identity and row.name in _PROGRAMS and row.program.startswith(str(home).split(" ", 1)[0])
