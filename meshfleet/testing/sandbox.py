"""A sandbox for commands: a project, a home of local state and a shell without the user's settings, all removable."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.leftovers import remove_data_plane
from meshfleet.dataplane.network.place import Place
from meshfleet.embedded.loopback import close_ports
from meshfleet.embedded.reservation_record import ADVICE, COPY, load
from meshfleet.files import read_record
from meshfleet.testing.artifacts import artifacts
from meshfleet.testing.commands import CommandResult, RunningCommand
from meshfleet.testing.conditions import settled
from meshfleet.testing.stack_files import fleet_name, write_stack
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.cache import locate_cache
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.marker import claim_home

_COMMAND = "from meshfleet.cli.entry_point import main; main()"
# What would make the command behave as this shell's owner set it up.
_SETTINGS = ("PULUMI_", "MESHFLEET_", "KUBE", "HELM_", "PYTHON", "XDG_")
_SECONDS = 300


@dataclass
class Sandbox:
    """Runs `meshfleet` in the directory `project`, with all local state in `home`.

    `folder` holds everything else that commands leave: an empty HOME, temporary files. `extra` are more variables of
    the shell, `hostile` those that only `meshfleet` gets; `prefix` is a program that starts it, such as one that drops
    capabilities. With `inherited` the commands get this process's environment instead, as for a fleet that is up
    already. `printed` collects the text of every `meshfleet` command, `stacks` the values of `--stack` that were used.
    """

    project: Path
    folder: Path
    home: Path
    extra: dict[str, str] = field(default_factory=dict)
    hostile: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    inherited: bool = False
    printed: list[str] = field(default_factory=list)
    stacks: set[str] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the shell: an empty HOME, this project and home, and the shared cache of tools."""
        if self.inherited:
            return os.environ | {"MESHFLEET_PROJECT": str(self.project)} | self.extra
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
        ours = {
            "HOME": str(self.folder / "user"),
            # The default home of a project needs no variable.
            "MESHFLEET_HOME": "" if self.home == self.project / ".meshfleet" else str(self.home),
            "MESHFLEET_CACHE": str(locate_cache().root),
            "TMPDIR": str(self.folder / "temporary"),
        }
        return kept | ours | self.extra

    def write_stack(self, name: str, config: dict[str, Any]) -> Path:
        """Write `stacks/Pulumi.<name>.yaml` of the project; see `meshfleet.testing.write_stack`."""
        return write_stack(self.project / "stacks", name, config)

    def meshfleet(self, *arguments: str, expect: int | None = 0, seconds: float = _SECONDS) -> CommandResult:
        """Run `meshfleet …` to its end and require its exit code; None accepts any.

        Raises subprocess.TimeoutExpired after `seconds`.
        """
        if "--stack" in arguments[:-1]:
            self.stacks.add(arguments[arguments.index("--stack") + 1])
        result = self.run(self.command(*arguments), expect=None, seconds=seconds, more=self.hostile)
        self.printed.append(result.text)
        return result.require(expect)

    def command(self, *arguments: str) -> list[str]:
        """The command line of `meshfleet …`."""
        return [*self.prefix, sys.executable, "-P", "-c", _COMMAND, *arguments]

    def start(self, *arguments: str) -> RunningCommand:
        """Start `meshfleet …` as the leader of its own process group."""
        return RunningCommand(
            subprocess.Popen(
                [sys.executable, "-P", "-u", "-c", _COMMAND, *arguments],
                cwd=self.project,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )

    def run(
        self,
        command: list[str],
        *,
        expect: int | None = 0,
        seconds: float = _SECONDS,
        more: Mapping[str, str] | None = None,
    ) -> CommandResult:
        """Run any command in the project with `more` variables, and require its exit code.

        Raises subprocess.TimeoutExpired after `seconds`.
        """
        done = subprocess.run(
            command,
            cwd=self.project,
            env=self.environment | dict(more or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return CommandResult(tuple(command[-8:]), done.returncode, done.stdout, done.stderr).require(expect)

    @property
    def kubectl_program(self) -> str:
        """The kubectl of this environment."""
        return str(Path(sys.executable).with_name("kubectl"))

    def exports(self) -> dict[str, str]:
        """The variables of a shell in which `pulumi` works: what `meshfleet env` prints, and a TMPDIR.

        The official Kubernetes plugin leaves kubeconfigs there, which only `meshfleet` removes.
        """
        lines = self.meshfleet("env").out.splitlines()
        pairs = (line.removeprefix("export ").partition("=") for line in lines)
        return {name: shlex.split(value)[0] for name, _, value in pairs} | {"TMPDIR": str(self.folder / "user")}

    def kubectl(self, stack: str, cluster: str, *arguments: str, expect: int | None = 0) -> CommandResult:
        """Run kubectl on a cluster with the kubeconfig that `status` wrote."""
        kubeconfig = self.home / "fleets" / fleet_name(stack) / "kubeconfigs" / f"{cluster}.yaml"
        return self.run([self.kubectl_program, "--kubeconfig", str(kubeconfig), *arguments], expect=expect, seconds=60)

    def get(self, stack: str, cluster: str, *arguments: str) -> dict[str, Any]:
        """`kubectl get … -o json`."""
        return self.kubectl(stack, cluster, "get", *arguments, "-o", "json").report

    def program(self, stack: str, place: str, name: str) -> psutil.Process:
        """The one running process `name` of `clusters/<cluster>` or `istiods/<cluster>.<revision>`."""
        found = processes.find(self.home / "fleets" / fleet_name(stack) / place).get(name, [])
        assert len(found) == 1, f"{len(found)} processes {name} under {place}"
        return found[0]

    def processes(self) -> list[psutil.Process]:
        """Every process of this sandbox: of its clusters, and all that run with its home."""
        # Programs in a folder with spaces are started by a link to it.
        fleets = [processes.find(directory) for directory in (self.home / "fleets").glob("*")]
        found = [process for named in fleets for same in named.values() for process in same]
        known = {process.pid for process in found}
        for process in psutil.process_iter():
            if process.pid == os.getpid() or process.pid in known:
                continue
            try:
                line = process.cmdline()
                if line and (
                    line[0].startswith(f"{self.home}{os.sep}")
                    or process.environ().get("MESHFLEET_HOME") == str(self.home)
                ):
                    found.append(process)
            except psutil.Error:
                # It has just ended, or is another user's.
                continue
        return found

    def reservations(self) -> dict[str, Any]:
        """Reserved ports (name to port) and addresses by owner, such as `dev/istiod/west/default`. Raises FileError."""
        found = read_record(self.home / COPY, load, ADVICE)
        ports, addresses = found or ({}, {})
        return {**ports, **addresses}

    def remains(self, stack: str) -> list[str]:
        """What is left of a stack that was destroyed, one sentence each."""
        stack = fleet_name(stack)
        # The engine's own helpers end a moment after the command did.
        settled(lambda: not self.processes(), 20)
        state = self.home / "state" / ".pulumi"
        return [
            *(f"process {' '.join(process.cmdline()[:4])}" for process in self.processes()),
            *(f"reservation {owner}" for owner in self.reservations()),
            *(f"network namespace {name}" for name in namespaces.names(Place.of(Workspace(stack, self.home)).prefix)),
            *(f"file {path}" for path in sorted((self.home / "fleets").glob("**/*"))),
            *(f"temporary file {path}" for path in sorted((self.folder / "temporary").glob("**/*"))),
            *(f"lock {path}" for path in sorted((state / "locks").glob("**/*.json"))),
            *(f"state {path}" for path in sorted((state / "stacks").glob(f"**/{stack}.json"))),
        ]

    def remove(self) -> None:
        """End every process of this sandbox and remove its files, whatever state they are in."""
        for process in self.processes():
            kill(process)
        settled(lambda: not self.processes(), 20)
        for directory in (self.home / "fleets").glob("*/nodes"):
            # Pods are not known by this home, but by the names of their namespaces.
            remove_data_plane(Place.of(Workspace(directory.parent.name, self.home)))
        shutil.rmtree(self.home / "fleets", ignore_errors=True)
        (self.home / "reservations.json").unlink(missing_ok=True)
        if self.home.is_dir():
            # Rules of the machine itself: without a reservation there are none.
            close_ports(self.home)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def new_sandbox(project: Path | None = None, *, home: Path | None = None, **extra: str) -> Iterator[Sandbox]:
    """A new sandbox, removed at the end; a failure inside leaves its artifacts first.

    Without `project` it has an empty one of its own; without `home` all local state is in its own folder. `extra` are
    variables of its shell.
    """
    # Short, because programs put sockets and long command lines on top of it.
    folder = Path(tempfile.mkdtemp(prefix="mf-"))
    if project is None:
        project = folder / "project"
        project.mkdir()
    sandbox = Sandbox(project, folder, home or folder / "home", extra)
    artifacts.running.append(sandbox)
    (folder / "user").mkdir()
    (folder / "temporary").mkdir()
    # Marked, because tests may put files there before the first command.
    claim_home(sandbox.home)
    try:
        yield sandbox
    except (Exception, pytest.fail.Exception):
        # Before its files go: a fixture that fails ends before pytest makes the report.
        artifacts.keep(sandbox)
        raise
    finally:
        artifacts.running.remove(sandbox)
        sandbox.remove()


@contextmanager
def running_project(project: Path) -> Iterator[Sandbox]:
    """A sandbox around fleets of a project that are up: commands have the environment of this process.

    The home is that of the project, or MESHFLEET_HOME. Nothing of it is removed at the end.
    """
    with tempfile.TemporaryDirectory(prefix="mf-") as folder:
        home = Path(os.environ.get("MESHFLEET_HOME") or project / ".meshfleet")
        sandbox = Sandbox(project, Path(folder), home, inherited=True)
        artifacts.running.append(sandbox)
        try:
            yield sandbox
        finally:
            artifacts.running.remove(sandbox)


def kill(process: psutil.Process, number: int = signal.SIGKILL) -> None:
    """Send a signal to one process; fine when it is gone."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
