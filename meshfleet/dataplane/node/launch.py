"""What starts the process of a container in the network namespace of its pod."""

from __future__ import annotations

import os
import posixpath
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meshfleet.dataplane.network import programs, sandbox
from meshfleet.dataplane.network.namespaces import path_of
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.network.programs import MARK
from meshfleet.dataplane.network.sandbox import NET_ADMIN, NET_RAW, SYSTEM_PATH, Bind, Sandbox
from meshfleet.dataplane.node.containers import Container
from meshfleet.dataplane.node.pod_run import PodRun
from meshfleet.dataplane.node.programs import Program, Role, passing_by, program_of
from meshfleet.dataplane.node.sources import lay_out
from meshfleet.embedded.istiod_spec import ISTIOD_PORTS
from meshfleet.embedded.ports import reserved_ports
from meshfleet.errors import ProcessError
from meshfleet.workspace.fleet_processes import open_log
from meshfleet.workspace.home import Workspace

# Where istiod's pod listens (manifests/charts/istio-control/istio-discovery) → the name of the process's port, and the
# only path there. Pods get no more of istiod than those ports at which it asks for credentials or needs none.
_ISTIOD: Final = {8080: ("http", "/ready"), 15012: ("secure-grpc", ""), 15017: ("https", "")}


@dataclass(frozen=True)
class Launcher:
    """Starts containers of the pods of one fleet.

    Programs, and the small files that they read, are at `binaries` for those that run.
    """

    workspace: Workspace
    place: Place
    binaries: Path

    def __call__(self, pod: PodRun, container: Container) -> subprocess.Popen[bytes] | None:
        """Start it; None when nothing here stands for it. Raises ProcessError, EmbeddedError."""
        program = self._program(container)
        log = pod.directory / "logs" / f"{container.name}.log"
        if program is None:
            return None
        if program.role is Role.RELAY:
            line = self._relay(pod, program)
            return _start_relay(line, container.name, log) if line else None
        return sandbox.start(self._sandbox(pod, container, program), log)

    def reads(self, container: Container) -> bool:
        """Whether a program runs for it that finds its volumes."""
        program = self._program(container)
        return program is not None and program.role is not Role.RELAY

    def is_current(self, pod: PodRun, container: Container, line: Sequence[str]) -> bool:
        """Whether a process with this command line may go on for it: a relay leads nowhere else than one would now."""
        program = self._program(container)
        if program is None or program.role is not Role.RELAY:
            return True
        ways = self._ways(program)
        return list(line[len(line) - len(ways) - 1 :]) == [pod.address, *ways]

    def _program(self, container: Container) -> Program | None:
        return program_of(container.name, container.image, container.arguments, container.environment, self.binaries)

    def _sandbox(self, pod: PodRun, container: Container, program: Program) -> Sandbox:
        users, rules = pod.users, program.role is Role.RULES
        volumes = {
            mount.path: Bind(pod.volumes / mount.volume, _absolute(mount.path), writable=True)
            for mount in container.mounts
        }
        return Sandbox(
            namespace=pod.namespace,
            top=programs.sandbox_top(self.place),
            host=pod.name.rpartition("/")[2],
            user=program.user(users),
            # What is written for the pod is readable by this group.
            groups=[users.proxy],
            capabilities=[NET_ADMIN, NET_RAW] if rules else [],
            program=str(self.binaries / program.name),
            arguments=passing_by(program.arguments, users) if rules else program.arguments,
            environment={**program.environment, MARK: container.name},
            binds=[
                Bind(pod.directory / "hosts", "/etc/hosts"),
                Bind(pod.directory / "resolv.conf", "/etc/resolv.conf"),
                *lay_out(self.place, program.release),
                *volumes.values(),
            ],
        )

    def _relay(self, pod: PodRun, program: Program) -> list[str]:
        """Lead to the process of the istiod whose pod this is; empty while it has reserved no ports."""
        ways = self._ways(program)
        if not ways:
            return []
        # Not by the link that the agent was started by, which would make it one of the agent's own.
        interpreter = str(Path(sys.executable).resolve())
        inside = [
            "nsenter",
            f"--net={path_of(pod.namespace)}",
            "--",
            interpreter,
            "-m",
            "meshfleet.dataplane.network.relay",
        ]
        return [*inside, str(os.getpid()), pod.address, *ways]

    def _ways(self, program: Program) -> list[str]:
        cluster, revision = program.environment.get("CLUSTER_ID", ""), program.environment.get("REVISION", "")
        owner = self.workspace.owner("istiod", cluster, revision or "default")
        ports = reserved_ports(self.workspace.home, owner)
        if set(ports) != set(ISTIOD_PORTS):
            return []
        return [f"{here}={ports[name]}{path}" for here, (name, path) in _ISTIOD.items()]


def _absolute(path: str) -> str:
    """A path from the root of a container, which no `..` in it leads out of."""
    return "/" + posixpath.normpath(f"/{path}").lstrip("/")


def _start_relay(line: list[str], container: str, log: Path) -> subprocess.Popen[bytes]:
    """Start a relay, which runs as root: nothing that its pod says of its environment reaches it."""
    environment = {"PATH": SYSTEM_PATH, "PYTHONPATH": os.pathsep.join(sys.path), MARK: container}
    with open_log(log) as output:
        try:
            return subprocess.Popen(
                line,
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise ProcessError(f"{line[0]}: cannot be started ({error.strerror})") from error
