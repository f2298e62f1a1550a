"""A user's world: a clone, a home and a shell without settings, in which the real command is run as a user would."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from tenacity import RetryError, Retrying, retry_if_not_result, stop_after_delay, wait_fixed

from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.leftovers import remove_data_plane
from meshfleet.dataplane.network.place import Place
from meshfleet.embedded.loopback import close_ports
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.cache import locate_cache
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.marker import claim_home
from tests.integration.artifacts import artifacts
from tests.integration.clone import Clone

_COMMAND = "from meshfleet.cli.entry_point import main; main()"
# What would make the command behave as this shell's owner set it up.
_SETTINGS = ("PULUMI_", "MESHFLEET_", "KUBE", "HELM_", "PYTHON", "XDG_")
_SECONDS = 300


@dataclass(frozen=True)
class Ran:
    """What a command said and how it ended."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The JSON on standard output; there is nothing else on it."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def said(self) -> str:
        """Everything that was written."""
        return f"{' '.join(self.arguments)}\nexit {self.code}\n{self.out}{self.err}"

    def require(self, code: int | None) -> Ran:
        """This, if it ended with that exit code or none is required."""
        assert code is None or self.code == code, f"expected exit {code}:\n{self.said[-6000:]}"
        return self


@dataclass
class World:
    """`home` is where all local state is; `said` collects all that the command ever wrote.

    The home lies in `folder` and is named by MESHFLEET_HOME; with `at_home` it is where it is by itself, in the
    clone. `extra` are more variables of the shell, `hostile` those that the command alone sees; `prefix` is the
    program that starts the command, such as one that takes capabilities away. `stacks` are the values of `--stack`
    that were used.
    """

    clone: Clone
    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    at_home: bool = False
    hostile: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    said: list[str] = field(default_factory=list)
    stacks: set[str] = field(default_factory=set)

    @property
    def home(self) -> Path:
        """The folder of all local state."""
        return self.clone.root / ".meshfleet" if self.at_home else self.folder / "home"

    @property
    def environment(self) -> dict[str, str]:
        """What the command sees: an empty HOME, this clone, this home and the shared cache."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
        ours = {
            "HOME": str(self.folder / "user"),
            "PYTHONPATH": str(self.clone.root),
            "MESHFLEET_HOME": "" if self.at_home else str(self.home),
            "MESHFLEET_CACHE": str(locate_cache().root),
            "TMPDIR": str(self.folder / "temporary"),
        }
        return kept | ours | self.extra

    def meshfleet(self, *arguments: str, expect: int | None = 0, seconds: float = _SECONDS) -> Ran:
        """Run `meshfleet …` to its end and check its exit code; None when any will do."""
        if "--stack" in arguments[:-1]:
            self.stacks.add(arguments[arguments.index("--stack") + 1])
        ran = self.run(self.command(*arguments), expect=None, seconds=seconds, more=self.hostile)
        self.said.append(ran.said)
        return ran.require(expect)

    def command(self, *arguments: str) -> list[str]:
        """The command line of `meshfleet …`."""
        return [*self.prefix, sys.executable, "-c", _COMMAND, *arguments]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `meshfleet …` at the head of a process group of its own; its lines come through `stderr`."""
        return subprocess.Popen(
            [sys.executable, "-u", "-c", _COMMAND, *arguments],
            cwd=self.clone.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self,
        command: list[str],
        *,
        expect: int | None = 0,
        seconds: float = _SECONDS,
        more: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run any command in the clone, with `more` variables, and check its exit code."""
        done = subprocess.run(
            command,
            cwd=self.clone.root,
            env=self.environment | dict(more or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Ran(tuple(command[-8:]), done.returncode, done.stdout, done.stderr).require(expect)

    @property
    def kubectl_program(self) -> str:
        """The kubectl of this environment."""
        return str(Path(sys.executable).with_name("kubectl"))

    def exports(self) -> dict[str, str]:
        """The variables of a shell in which `pulumi` works: what `meshfleet env` prints, and a TMPDIR.

        The official Kubernetes plugin leaves kubeconfigs there, which nothing but `meshfleet` removes.
        """
        lines = self.meshfleet("env").out.splitlines()
        pairs = (line.removeprefix("export ").partition("=") for line in lines)
        return {name: shlex.split(value)[0] for name, _, value in pairs} | {"TMPDIR": str(self.folder / "user")}

    def kubectl(self, stack: str, cluster: str, *arguments: str, expect: int | None = 0) -> Ran:
        """Run kubectl on a cluster with the kubeconfig that `status` wrote."""
        kubeconfig = self.home / "fleets" / stack / "kubeconfigs" / f"{cluster}.yaml"
        return self.run([self.kubectl_program, "--kubeconfig", str(kubeconfig), *arguments], expect=expect, seconds=60)

    def get(self, stack: str, cluster: str, *arguments: str) -> dict[str, Any]:
        """`kubectl get … -o json`."""
        return self.kubectl(stack, cluster, "get", *arguments, "-o", "json").answer

    def program(self, stack: str, place: str, name: str) -> psutil.Process:
        """The one running process `name` of `clusters/<cluster>` or `istiods/<cluster>.<revision>`."""
        found = processes.find(self.home / "fleets" / stack / place).get(name, [])
        assert len(found) == 1, f"{len(found)} processes {name} under {place}"
        return found[0]

    def processes(self) -> list[psutil.Process]:
        """Every other process that belongs to this world: of its clusters, and whatever runs with its home."""
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
                # It ended while we looked, or is not this user's.
                continue
        return found

    def reservations(self) -> dict[str, Any]:
        """Reserved ports and addresses by owner."""
        path = self.home / "reservations.json"
        if not path.exists():
            return {}
        held = json.loads(path.read_text(encoding="utf-8"))
        return {**held["ports"], **held["addresses"]}

    def remains(self, stack: str) -> list[str]:
        """What is left of a stack that was destroyed, in words; empty when nothing is."""
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

    def sweep(self) -> None:
        """Leave nothing behind, whatever a test did: end every process of this world and remove its files."""
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
def make_world(clone: Clone, *, at_home: bool = False, **extra: str) -> Iterator[World]:
    """A world of its own, swept at the end; see `World`."""
    # Short, because programs put sockets and long command lines on top of it.
    folder = Path(tempfile.mkdtemp(prefix="mf-"))
    world = World(clone, folder, extra, at_home)
    artifacts.running.append(world)
    (folder / "user").mkdir()
    (folder / "temporary").mkdir()
    # Marked, because the plugins are put there before the first command.
    claim_home(world.home)
    if clone.plugins.is_dir():
        (world.home / "pulumi").mkdir(mode=0o700)
        shutil.copytree(clone.plugins, world.home / "pulumi" / "plugins", symlinks=True)
    try:
        yield world
    except (Exception, pytest.fail.Exception):
        # Before its files go: a fixture that fails ends before pytest makes the report.
        artifacts.keep(world)
        raise
    finally:
        artifacts.running.remove(world)
        world.sweep()


def kill(process: psutil.Process, number: int = signal.SIGKILL) -> None:
    """Send a signal to one process; fine when it is gone."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def settled(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds, for at most `seconds`; whether it does."""
    try:
        return Retrying(retry=retry_if_not_result(bool), wait=wait_fixed(0.1), stop=stop_after_delay(seconds))(
            condition
        )
    except RetryError:
        return False
