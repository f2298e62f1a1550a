"""The Docker engine that runs nodes: the fleet's own for built images, else the user's, or that of a named socket.

An engine is on this machine, since nodes have directories of it mounted and their addresses are reached from it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol

from meshfleet.errors import EmbeddedError
from meshfleet.kind.faults import docker_fault
from meshfleet.kind.own_engine import OwnEngine
from meshfleet.processes.bounded_run import Ended, run_bounded
from meshfleet.processes.child_environment import system_environment

DEFAULT_SOCKET: Final = "/var/run/docker.sock"
_PROGRAMS: Final = "https://kind.sigs.k8s.io/docs/user/quick-start/#installation"


class DockerEngine(Protocol):
    """What clusters need of an engine."""

    @property
    def kind(self) -> Path:
        """The program kind. Raises EmbeddedError without one."""
        ...

    @property
    def where(self) -> str:
        """The engine in words, for messages."""
        ...

    def environment(self) -> dict[str, str]:
        """What programs see that use the engine."""
        ...

    def run(self, *arguments: str, seconds: float, stdin: str = "") -> Ended:
        """Run `docker`, whatever it ends with. Raises EmbeddedError when it cannot be started or does not end."""
        ...

    def is_running(self) -> bool:
        """Whether it responds. Raises EmbeddedError for the user's when it does not; the fleet's own may be ended."""
        ...

    def require_running(self) -> None:
        """Raise EmbeddedError unless the engine answers; the fleet's own is started."""
        ...

    def in_use(self) -> AbstractContextManager[None]:
        """A block in which the engine answers: `require_running` at its start, and it is not ended before its end."""
        ...

    def end_if_unused(self) -> None:
        """End the fleet's own engine where it runs nothing any more; the user's stays."""
        ...


class UserEngine:
    """The user's engine."""

    def __init__(self, socket: str = "") -> None:
        self.socket = str(Path(socket or DEFAULT_SOCKET).expanduser())

    @property
    def where(self) -> str:
        """By its socket."""
        return f"the Docker engine at {self.socket}"

    @property
    def kind(self) -> Path:
        """The one on PATH."""
        return _program("kind")

    def environment(self) -> dict[str, str]:
        """Of a tool of the system, with the socket."""
        return system_environment({"DOCKER_HOST": f"unix://{self.socket}", "KIND_EXPERIMENTAL_PROVIDER": "docker"})

    def run(self, *arguments: str, seconds: float, stdin: str = "") -> Ended:
        """With the program on PATH."""
        command = [str(_program("docker")), *arguments]
        return run_bounded(command, seconds=seconds, environment=self.environment(), stdin=stdin)

    def is_running(self) -> bool:
        """One request for its version."""
        self.require_running()
        return True

    def require_running(self) -> None:
        """One request for its version."""
        ended = self.run("version", "--format", "{{.Server.Version}}", seconds=20)
        if ended.code:
            raise docker_fault(self.where, ended.err)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """It is not ours to end."""
        self.require_running()
        yield

    def end_if_unused(self) -> None:
        """It is not ours."""


def engine_for(socket: str, *, built: bool) -> DockerEngine:
    """The engine of a cluster: that of a socket; else the fleet's own for built images, and the user's for others."""
    if socket or not built:
        return UserEngine(socket)
    return OwnEngine()


def _program(name: str) -> Path:
    found = shutil.which(name, path=system_environment()["PATH"])
    if found is None:
        raise EmbeddedError(f"{name} is not on PATH; install it ({_PROGRAMS}), or use images: built")
    return Path(found)
