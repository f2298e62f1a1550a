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
from meshfleet.workspace.home import Workspace
from tests.integration.faults.kill_points import Point, Victims
from tests.integration.faults.lines import Lines
from tests.integration.world import World, kill, settled

_DONE = {"up": " created (", "destroy": " deleted ("}


def killed_at(world: World, point: Point, *arguments: str) -> Lines:
    """Start a command and kill it at a point, which has to lie before its end; what it has printed."""
    command = world.start(*arguments)
    printed = Lines(command)
    word = _DONE[arguments[0]]
    printed.wait_for(lambda heard: sum(word in line for line in heard) >= point.lines)
    with suppress(subprocess.TimeoutExpired):
        command.wait(timeout=point.seconds)
    assert command.poll() is None, f"it ended before it was killed:\n{printed.text}"
    _KILLS[point.victims](world, command)
    assert printed.end() == -signal.SIGKILL
    return printed


def killed_while(world: World, program: str, seconds: float, *arguments: str) -> Lines:
    """Start a command and kill it, its engine and its plugins so long after a program of that name began."""
    command = world.start(*arguments)
    printed = Lines(command)
    printed.wait_for(lambda _: program in {_name(process) for process in _descendants(command)})
    with suppress(subprocess.TimeoutExpired):
        command.wait(timeout=seconds)
    assert command.poll() is None, f"it ended before it was killed:\n{printed.text}"
    _kill_group(world, command)
    assert printed.end() == -signal.SIGKILL
    return printed


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        # It has just ended.
        return ""


def cut_power(world: World, stack: str) -> None:
    """End all that runs of a stack, and all that a restart of the machine takes: namespaces, rules, /run."""
    place = Place.of(Workspace(stack, world.home))
    remove_data_plane(place)
    for _ in range(5):
        for process in world.processes():
            kill(process)
        settled(lambda: not world.processes(), 20)
    assert world.processes() == []
    remove_data_plane(place)
    if not cannot_close():
        table = table_name(world.home)
        run_bounded(["nft", "-f", "-"], seconds=20, stdin=f"table inet {table}\ndelete table inet {table}\n")


def _kill_command(_: World, command: subprocess.Popen[str]) -> None:
    command.kill()


def _kill_group(world: World, command: subprocess.Popen[str]) -> None:
    # Plugins, helm and kwokctl have groups of their own.
    helping = [process for process in _descendants(command) if not _outlives(world, process)]
    os.killpg(command.pid, signal.SIGKILL)
    for process in helping:
        kill(process)


def _kill_everything(world: World, command: subprocess.Popen[str]) -> None:
    helping = _descendants(command)
    os.killpg(command.pid, signal.SIGKILL)
    for process in helping:
        kill(process)
    for directory in (world.home / "fleets").glob("*"):
        cut_power(world, directory.name)


def _descendants(command: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(command.pid).children(recursive=True)


def _outlives(world: World, process: psutil.Process) -> bool:
    """Whether it is a program of the fleet, which outlives the command that started it."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return True
    program = words[0] if words else ""
    component = program.startswith(f"{world.home}/fleets/") and not program.endswith("/kwokctl")
    return component or "meshfleet.dataplane.node" in words


_KILLS: dict[Victims, Callable[[World, subprocess.Popen[str]], None]] = {
    Victims.COMMAND: _kill_command,
    Victims.GROUP: _kill_group,
    Victims.EVERYTHING: _kill_everything,
}
