"""Kills a real command at a point of its work: alone, with its engine, or with everything as a power cut does."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress

import psutil

from meshfleet.dataplane.network.leftovers import remove_data_plane
from meshfleet.dataplane.network.place import Place
from meshfleet.embedded.loopback import cannot_close, table_name
from meshfleet.processes.bounded_run import run_bounded
from meshfleet.testing import RunningCommand, Sandbox, kill, settled
from meshfleet.workspace.home import Workspace
from tests.integration.faults.kill_points import Point, Victims

_DONE = {"up": " created (", "destroy": " deleted ("}


def killed_at(sandbox: Sandbox, point: Point, *arguments: str) -> RunningCommand:
    """Start a command and kill it at a point, which has to lie before its end; what it has printed."""
    printed = sandbox.start(*arguments)
    command = printed.process
    word = _DONE[arguments[0]]
    printed.wait_for(lambda heard: sum(word in line for line in heard) >= point.lines)
    with suppress(subprocess.TimeoutExpired):
        command.wait(timeout=point.seconds)
    assert command.poll() is None, f"it ended before it was killed:\n{printed.text}"
    _KILLS[point.victims](sandbox, command)
    assert printed.end() == -signal.SIGKILL
    return printed


def killed_while(sandbox: Sandbox, program: str, seconds: float, *arguments: str) -> RunningCommand:
    """Start a command and kill it, its engine and its plugins so long after a program of that name began."""
    printed = sandbox.start(*arguments)
    command = printed.process
    printed.wait_for(lambda _: program in {_name(process) for process in _descendants(command)})
    with suppress(subprocess.TimeoutExpired):
        command.wait(timeout=seconds)
    assert command.poll() is None, f"it ended before it was killed:\n{printed.text}"
    _kill_group(sandbox, command)
    assert printed.end() == -signal.SIGKILL
    return printed


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        # It has just ended.
        return ""


def cut_power(sandbox: Sandbox, stack: str) -> None:
    """End all that runs of a stack, and all that a restart of the machine takes: namespaces, rules, /run."""
    place = Place.of(Workspace(stack, sandbox.home))
    remove_data_plane(place)
    for _ in range(5):
        for process in sandbox.processes():
            kill(process)
        settled(lambda: not sandbox.processes(), 20)
    assert sandbox.processes() == []
    remove_data_plane(place)
    if not cannot_close():
        table = table_name(sandbox.home)
        run_bounded(["nft", "-f", "-"], seconds=20, stdin=f"table inet {table}\ndelete table inet {table}\n")


def _kill_command(_: Sandbox, command: subprocess.Popen[str]) -> None:
    command.kill()


def _kill_group(sandbox: Sandbox, command: subprocess.Popen[str]) -> None:
    # Plugins, helm and kwokctl have groups of their own.
    helping = [process for process in _descendants(command) if not _outlives(sandbox, process)]
    os.killpg(command.pid, signal.SIGKILL)
    for process in helping:
        kill(process)


def _kill_everything(sandbox: Sandbox, command: subprocess.Popen[str]) -> None:
    helping = _descendants(command)
    os.killpg(command.pid, signal.SIGKILL)
    for process in helping:
        kill(process)
    for directory in (sandbox.home / "fleets").glob("*"):
        cut_power(sandbox, directory.name)


def _descendants(command: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(command.pid).children(recursive=True)


def _outlives(sandbox: Sandbox, process: psutil.Process) -> bool:
    """Whether it is a program of the fleet, which outlives the command that started it."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return True
    program = words[0] if words else ""
    component = program.startswith(f"{sandbox.home}/fleets/") and not program.endswith("/kwokctl")
    return component or "meshfleet.dataplane.node" in words


_KILLS: dict[Victims, Callable[[Sandbox, subprocess.Popen[str]], None]] = {
    Victims.COMMAND: _kill_command,
    Victims.GROUP: _kill_group,
    Victims.EVERYTHING: _kill_everything,
}
