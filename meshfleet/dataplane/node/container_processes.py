"""The processes of the containers of pods: identified by the environment they were started with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from meshfleet.dataplane.network.programs import mark_of

if TYPE_CHECKING:
    import psutil


def processes_of(container: str, found: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those of a container, by its name."""
    return [process for process in found if mark_of(process) == container]


def programs_of(container: str, found: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those of a container that no other of its processes has started, as process 1 of a real one."""
    own = processes_of(container, found)
    numbers = {process.pid for process in own}
    return [process for process in own if _parent(process) not in numbers]


def _parent(process: psutil.Process) -> int:
    import psutil

    try:
        return process.ppid()
    except psutil.Error:
        return 0
