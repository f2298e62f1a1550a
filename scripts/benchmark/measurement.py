"""How long a command takes and how much memory its processes hold at once."""

from __future__ import annotations

import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from meshfleet.processes.child_environment import engine_environment
from meshfleet.workspace import fleet_processes as processes

SAMPLE_SECONDS = 0.1
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Measurement:
    """Wall seconds, and the largest sum of resident memory of the command and all it started, in bytes.

    The memory is 0 where it was not sampled. `output` is all it said.
    """

    seconds: float
    peak: int
    output: str = field(default="", repr=False)


@dataclass(frozen=True)
class Pair:
    """One alternative beside the other, run by run."""

    ours: tuple[float, ...]
    other: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of the ratios, pair by pair."""
        return statistics.median(ours / other for ours, other in zip(self.ours, self.other, strict=True))


def measured(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], *, memory: bool = False
) -> Measurement:
    """Run a command to its end; raises `CalledProcessError` with its output when it fails.

    Sampling its memory takes a good part of a core, so what is held against another command is measured without.
    """
    start = time.monotonic()
    with subprocess.Popen(
        list(command),
        cwd=folder,
        env=engine_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        ended = threading.Event()
        peaks: list[int] = [0]
        sampler = threading.Thread(target=_sample, args=(psutil.Process(process.pid), ended, peaks))
        if memory:
            sampler.start()
        output, _ = process.communicate()
        seconds = time.monotonic() - start
        ended.set()
        if memory:
            sampler.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), output)
    return Measurement(seconds, max(peaks), output)


def resident(processes: Sequence[psutil.Process]) -> int:
    """The resident memory of some processes together, in bytes; those that ended count nothing."""
    total = 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total


def resident_under(folder: Path) -> int:
    """The resident memory of all that was started from `folder`, in bytes."""
    return resident([process for found in processes.find(folder).values() for process in found])


def _sample(root: psutil.Process, ended: threading.Event, peaks: list[int]) -> None:
    family = {root.pid: root}
    while not ended.wait(SAMPLE_SECONDS):
        family = _grown(family)
        peaks.append(resident(list(family.values())))


def _grown(family: dict[int, psutil.Process]) -> dict[int, psutil.Process]:
    """Those of a family that live, and their descendants.

    Who was seen once stays in it: what runs on in the background belongs to nobody once its parent has ended.
    """
    # It keeps its objects, so that one that is the same has not given its number to another.
    alive = {process.pid: process for process in psutil.process_iter(["ppid"])}
    found = {pid: process for pid, process in family.items() if alive.get(pid) == process}
    grew = True
    while grew:
        more = {pid: one for pid, one in alive.items() if pid not in found and one.info["ppid"] in found}
        found |= more
        grew = bool(more)
    return found
