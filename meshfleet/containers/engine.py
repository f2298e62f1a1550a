"""The Docker engine of this user's own: started for clusters in containers, and gone without a trace when stopped.

It is dockerd out of Debian packages that are unpacked in the cache and installed nowhere; `daemon_settings` says how it
is set up, `machine_settings` what of the machine is recorded before it starts. It outlives the command that starts it,
as clusters do, and is found again by the identity in its environment. Stopped by force, and started again, it goes on
with the containers that it had, as after a restart of the machine.
"""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.containers import restricted_runtime
from meshfleet.containers.capabilities import lacks_resource_capability
from meshfleet.containers.daemon_settings import NETWORK, RESTRICTED, daemon_text, network_arguments, runtime_text
from meshfleet.containers.folder_lock import locked, locked_now
from meshfleet.containers.machine_settings import Machine
from meshfleet.containers.packages import ENGINE, unpacked_folder
from meshfleet.containers.place import COMMAND, Place, find_place
from meshfleet.containers.programs import run_program
from meshfleet.containers.remains import clear_remains, processes_of
from meshfleet.errors import ContainersError
from meshfleet.files import make_directory, write_file
from meshfleet.processes.bounded_run import Ended
from meshfleet.processes.child_environment import system_environment
from meshfleet.processes.process_table import IDENTITY
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.toolchain import container_plan
from meshfleet.workspace.cache import Cache
from meshfleet.workspace.fleet_processes import end, last_lines, start
from meshfleet.workspace.held_file import held

if TYPE_CHECKING:
    import psutil

_START_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 120.0
_LOCK_SECONDS: Final = 300.0
_PING_SECONDS: Final = 5.0
_DAEMON: Final = "dockerd"


@dataclass(frozen=True)
class Engine:
    """One engine, running or not: `place` is its folder, `programs` its unpacked packages, `kind` the kind program."""

    place: Place
    programs: Path
    kind: Path
    machine: Machine = field(default_factory=Machine)

    def start(self) -> None:
        """Have it run; fine when it does. Safe for several processes at once.

        Raises ContainersError and its kin, with what to do, when it cannot be started; the machine is restored then.
        """
        if os.geteuid() != 0:
            raise ContainersError("a Docker engine needs root; run this command with sudo, or as root")
        self.place.require_short()
        if not (self.programs / "usr/sbin" / _DAEMON).is_file():
            raise ContainersError(f"{self.programs}: no Docker engine is there; run {COMMAND} to make it")
        with self._alone():
            if self.is_running():
                return
            self.machine.prepare(self.place.engine)
            try:
                # Of one that was killed: its containers are started again with the engine.
                clear_remains(self.place)
                self._start_daemon()
            except BaseException:
                self._clear()
                raise

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Have it run until the block ends, for what makes a container in it: no other process stops it meanwhile.

        Raises what `start` does, and ContainersError while another process is stopping it for long.
        """
        with locked(make_directory(self.place.engine), _LOCK_SECONDS, shared=True):
            self.start()
            yield

    def stop_if_unused(self) -> bool:
        """Stop it where it has no container, running or not, and no process is about to make one; whether it was.

        Raises what `stop` does.
        """
        if not self.place.engine.is_dir():
            return True
        with locked_now(self.place.engine) as free:
            if not free or (self.is_running() and self.run("ps", "--all", "--quiet", seconds=60).out.split()):
                return False
            self._stop(force=False)
        return True

    def stop(self, *, force: bool = False) -> None:
        """End it and leave the machine as it was, also after it was killed; fine when it does not run.

        Raises ContainersError while containers run or are made, unless `force`: they are ended then, and those that
        ran come back with the engine.
        """
        if not self.place.engine.is_dir() and self.machine.record() is None:
            return
        with locked_now(make_directory(self.place.engine)) as free:
            if not free and not force:
                raise ContainersError(
                    f"a cluster is being made in the Docker engine in {self.place.engine}; wait for that command, or "
                    f"end it with {COMMAND} --engine stop --force"
                )
            self._stop(force=force)

    def _stop(self, *, force: bool) -> None:
        with self._alone():
            daemon = self._daemon()
            if daemon is not None:
                names = self.running_containers() if self.is_running() else []
                if names and not force:
                    raise ContainersError(
                        f"the Docker engine in {self.place.engine} runs {', '.join(names[:10])}; remove these clusters "
                        f"first, or end them, until the engine is started again, with {COMMAND} --engine stop --force"
                    )
                end([daemon], _STOP_SECONDS)
            self._clear()

    def is_running(self) -> bool:
        """Whether it responds."""
        return self._daemon() is not None and _answers(self.place.socket)

    def running_containers(self) -> list[str]:
        """The names of the containers that run. Raises ContainersError when the engine does not respond."""
        return self.run("ps", "--format", "{{.Names}}", seconds=60).out.split()

    def environment(self) -> dict[str, str]:
        """What `kind` and `docker` see: this engine and no other, these programs first, no proxies, no settings."""
        folders = (str(self.kind.parent), str(self.programs / "usr/sbin"), str(self.programs / "usr/bin"))
        variables = system_environment()
        return {
            **variables,
            "PATH": os.pathsep.join((*folders, variables["PATH"])),
            "DOCKER_HOST": f"unix://{self.place.socket}",
            # Neither contexts nor credentials of the user's own Docker.
            "DOCKER_CONFIG": str(self.place.engine / "client"),
        }

    def run(self, *arguments: str, seconds: float, stdin: str = "") -> Ended:
        """Run `docker` with these arguments, successfully. Raises ContainersError."""
        docker = str(self.programs / "usr/bin/docker")
        return run_program([docker, *arguments], seconds=seconds, environment=self.environment(), stdin=stdin)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        refusal = f"another command is starting or stopping a Docker engine for {_LOCK_SECONDS:.0f} s; wait for it"
        with held(make_directory(self.place.root) / "engine.lock", _LOCK_SECONDS, refusal):
            yield

    def _daemon(self) -> psutil.Process | None:
        return next((process for process in processes_of(self.place.identity) if _is_daemon(process)), None)

    def _start_daemon(self) -> None:
        restricted = lacks_resource_capability()
        engine = make_directory(self.place.engine)
        write_file(engine / "daemon.json", daemon_text(self.place, restricted=restricted))
        if restricted:
            script = engine / "restricted_runtime.py"
            write_file(script, Path(restricted_runtime.__file__).read_text(encoding="utf-8"))
            write_file(engine / RESTRICTED, runtime_text(script, self.programs / "usr/sbin/runc"), mode=0o755)
        log = engine / "dockerd.log"
        environment = self._daemon_environment()
        make_directory(Path(environment["TMPDIR"]))
        program = self.programs / "usr/sbin" / _DAEMON
        daemon = start(program, ["--config-file", str(engine / "daemon.json")], engine, log, environment)

        def answers() -> None:
            if not daemon.is_running() or daemon.status() == "zombie":
                raise ContainersError(f"dockerd ended; {last_lines(log)}")
            if not _answers(self.place.socket):
                raise NotYetError("no response")

        wait_until(
            answers,
            f"the Docker engine in {engine}",
            _START_SECONDS,
            f"read {log}, and run the command again",
            failure=ContainersError,
        )
        if NETWORK not in self.run("network", "ls", "--format", "{{.Name}}", seconds=60).out.split():
            self.run(*network_arguments(self.place), seconds=60)

    def _daemon_environment(self) -> dict[str, str]:
        """What dockerd, containerd and runc see: no folder of the command that starts them, which they outlive."""
        own = {"HOME": str(self.place.engine), "TMPDIR": str(self.place.engine / "temporary")}
        return {**self.environment(), **self._libraries(), **own, IDENTITY: self.place.identity}

    def _libraries(self) -> Mapping[str, str]:
        """Where iptables finds its own, which are installed nowhere (https://manpages.debian.org/bookworm/iptables/)."""
        folder = next(self.programs.glob("usr/lib/*-linux-gnu"), self.programs / "usr/lib")
        return {"LD_LIBRARY_PATH": str(folder), "XTABLES_LIBDIR": str(folder / "xtables")}

    def _clear(self) -> None:
        clear_remains(self.place)
        self.machine.restore(self.place.engine, lambda engine: bool(processes_of(Place(engine.parent).identity)))


def find_engine(cache: Cache | None = None) -> Engine:
    """The engine of a cache, this user's unless given; starts nothing and looks at nothing."""
    place = find_place(cache)
    return Engine(place, unpacked_folder(ENGINE, place.packages), container_plan(cache).view / "bin" / "kind")


def _is_daemon(process: psutil.Process) -> bool:
    import psutil

    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    return bool(words) and Path(words[0]).name == _DAEMON


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_PING_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_PING_SECONDS)
        self.sock.connect(str(self._path))


def _answers(path: Path) -> bool:
    """Whether an engine answers at a socket (https://docs.docker.com/reference/api/engine/version/v1.41/#tag/System)."""
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
