"""What a failed test leaves: logs, processes, status and events of its fleets, without secrets, in a folder of its own.

The folder is in MESHFLEET_TEST_ARTIFACTS, without that in a new temporary folder that nothing removes, and the report
of the test names it. What is collected is what `meshfleet collect` collects, except for `verify` and `drift`, which put
questions of their own to each fleet: a broken fleet delays the next test by `SECONDS` at most.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp
from typing import TYPE_CHECKING, Final

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.support_bundle import cluster_parts, machine_parts
from meshfleet.automation.support_bundle.bundle import MANIFEST, Bundle
from meshfleet.automation.support_bundle.collecting import Part, add_part
from meshfleet.automation.support_bundle.subject import Subject
from meshfleet.errors import MeshfleetError
from meshfleet.files import make_directory, write_file
from meshfleet.files.json_text import parse_json
from meshfleet.status import Status, read_status

if TYPE_CHECKING:
    from meshfleet.testing.sandbox import Sandbox
    from meshfleet.verification import FleetView

SECONDS: Final = 20.0
"""The longest that the fleets of one failed test are collected."""
REQUEST: Final = 2.0
"""Seconds of one request to an API server or an istiod."""
CHARACTERS: Final = 32 * 1024 * 1024
"""Of all members of one fleet; what comes later is left out, and the manifest says so."""
FOLDERS: Final = 10
"""Folders of one process: when a shared fleet breaks, all its tests fail for one reason."""
SETTING: Final = "MESHFLEET_TEST_ARTIFACTS"


class LimitError(MeshfleetError):
    """A limit of time or size is reached."""


@dataclass
class Artifacts:
    """`running` are the sandboxes that have not been removed."""

    running: list[Sandbox] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    unreported: list[str] = field(default_factory=list)

    def keep(self, *sandboxes: Sandbox) -> None:
        """Collect the fleets of sandboxes for the test that runs, to be named in its report. Raises nothing."""
        if not sandboxes:
            return
        if len(self.kept) >= FOLDERS:
            self.unreported.append(f"not collected: {FOLDERS} failed tests before it left theirs in {self.folder()}")
            return
        name = re.sub(r"[^\w.=-]+", "-", os.environ.get("PYTEST_CURRENT_TEST", "test")).strip("-")[-120:]
        target = self.folder() / f"{len(self.kept):02}-{os.getpid()}-{name}"
        self.kept.append(target)
        deadline = time.monotonic() + SECONDS
        for number, sandbox in enumerate(sandboxes):
            try:
                collect(sandbox, target / str(number) if number else target, deadline)
            # The test's own failure is the one to report.
            except Exception as error:  # noqa: BLE001  (whatever it is: see above)
                self.unreported.append(f"cannot be collected: {type(error).__name__}: {error}")
        self.unreported.append(f"logs, status and events of the fleet: {target}")

    def folder(self) -> Path:
        """Where all of this process are. The temporary folder of pytest would go after three more runs."""
        named = os.environ.get(SETTING)
        if named:
            return Path(named).resolve()
        return self.kept[0].parent if self.kept else Path(mkdtemp(prefix="meshfleet-failed-tests-"))


artifacts = Artifacts()
"""Those of this process."""


class SandboxFleet(Subject):
    """A fleet of a sandbox, whose status is printed by the command in that sandbox's shell."""

    def __init__(self, sandbox: Sandbox, name: str, deadline: float) -> None:
        names = {stack.rpartition("/")[2]: stack for stack in sandbox.stacks}
        super().__init__(Checkout(sandbox.project, sandbox.home), names.get(name, name))
        self._sandbox, self._deadline = sandbox, deadline

    @cached_property
    def status(self) -> Status:
        """Raises LimitError when it takes too long, and MeshfleetError when there is none."""
        left = max(self._deadline - time.monotonic(), 0.1)
        # Into files: a pipe is open for as long as any program that the command started.
        with TemporaryFile("w+", encoding="utf-8") as out, TemporaryFile("w+", encoding="utf-8") as err:
            process = subprocess.Popen(
                self._sandbox.command("status", "--stack", self.stack, "--json"),
                cwd=self._sandbox.project,
                env=self._sandbox.environment | self._sandbox.hostile,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            try:
                code = process.wait(left)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise LimitError(f"`status` did not end within {left:.0f} s") from None
            out.seek(0)
            err.seek(0)
            if code:
                raise MeshfleetError(f"`status` ended with {code}: {err.read()}")
            return read_status(parse_json(out.read()))

    @cached_property
    def view(self) -> FleetView:
        """Raises what `status` raises."""
        from meshfleet.toolchain import make_plan
        from meshfleet.verification import read_fleet

        return read_fleet(self.status, make_plan().toolchain().bin, self.checkout.home)


def collect(sandbox: Sandbox, folder: Path, deadline: float) -> None:
    """Write what there is of every fleet of a sandbox below `folder`, until `deadline` of the monotonic clock.

    Raises FileError when a file cannot be written, or read to know the secrets that are left out.
    """
    for directory in sorted((sandbox.home / "fleets").glob("*")) or [sandbox.home / "fleets" / "none"]:
        bundle = Bundle()
        fleet = SandboxFleet(sandbox, directory.name, deadline)
        bundle.hide(fleet.secrets())
        bundle.hide(value for name, value in sandbox.extra.items() if "PASSPHRASE" in name or "TOKEN" in name)
        here = machine_parts.parts(fleet)
        parts: dict[str, Part] = {
            "commands": lambda: iter([("commands.txt", "\n".join(sandbox.printed))]),
            "logs": here["logs"],
            "processes": here["processes"],
            "stack file": here["stack file"],
        }
        there = cluster_parts.parts(fleet, REQUEST)
        parts |= {name: there[name] for name in ("status", "clusters")}
        for name, part in parts.items():
            add_part(bundle, name, _within_limits(bundle, deadline, part))
            # `status` writes kubeconfigs that were not there before.
            bundle.hide(fleet.secrets())
        _write(bundle, folder / directory.name)


def _within_limits(bundle: Bundle, deadline: float, part: Part) -> Part:
    """A part that ends with LimitError once a limit is reached."""

    def members() -> Iterator[tuple[str, object]]:
        _require_limits(bundle, deadline)
        for name, content in part():
            yield name, _within_limits(bundle, deadline, content) if callable(content) else content
            _require_limits(bundle, deadline)

    return members


def _require_limits(bundle: Bundle, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise LimitError(f"left out: {SECONDS:.0f} s have passed")
    if sum(entry.characters for entry in bundle.entries) > CHARACTERS:
        raise LimitError(f"left out: there are {CHARACTERS} characters already")


def _write(bundle: Bundle, folder: Path) -> None:
    files = bundle.files()
    for name in sorted(files, key=lambda name: name != MANIFEST):
        target = folder.joinpath(*(part for part in name.split("/") if part not in ("", ".", "..")))
        make_directory(target.parent)
        write_file(target, files[name])
