"""What starts the process of a container in the network namespace of its pod."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embedded.istiod_spec import ISTIOD_PORTS
from embedded.network import programs
from embedded.network.namespaces import path_of
from embedded.network.place import Place
from embedded.network.programs import MARK, Surroundings
from embedded.node.containers import Container
from embedded.node.pod_run import PodRun
from embedded.node.programs import RELAY, Program, program_of
from embedded.ports import reserved_ports
from embedded.workspace import Workspace

# Where istiod's pod listens (manifests/charts/istio-control/istio-discovery) → the name of the process's port, and the
# only path there. Pods get no more of istiod than those ports at which it asks for credentials or needs none.
_ISTIOD: Final = {8080: ("http", "/ready"), 15012: ("secure-grpc", ""), 15017: ("https", "")}
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Launcher:
    """Starts containers of the pods of one fleet. `sources` are the programs by name, laid out in `binaries`."""

    workspace: Workspace
    place: Place
    sources: Mapping[str, Path]
    binaries: Path

    def __call__(self, pod: PodRun, container: Container) -> subprocess.Popen[bytes] | None:
        """Start it; None when nothing here stands for it. Raises ProcessError, EmbeddedError."""
        program = program_of(container.name, container.image, container.arguments, container.environment, self.binaries)
        if program is None:
            return None
        line = self._relay(pod, program) if program.name == RELAY else self._line(pod, program)
        if not line:
            return None
        environment = {"PATH": _PATH, **program.environment, MARK: container.name}
        if program.name == RELAY:
            environment |= {"PYTHONPATH": os.pathsep.join(sys.path)}
        log = pod.directory / "logs" / f"{container.name}.log"
        return programs.start(line, pod.directory / container.name, log, environment, program.user)

    def _line(self, pod: PodRun, program: Program) -> list[str]:
        surroundings = Surroundings(pod.namespace, pod.directory / "hosts", pod.directory / "resolv.conf", program.user)
        return programs.command(surroundings, self.binaries, self.sources, program.name, program.arguments)

    def _relay(self, pod: PodRun, program: Program) -> list[str]:
        """Lead to the process of the istiod whose pod this is; empty while it has reserved no ports."""
        cluster, revision = program.environment.get("CLUSTER_ID", ""), program.environment.get("REVISION", "")
        owner = self.workspace.owner("istiod", cluster, revision or "default")
        ports = reserved_ports(self.workspace.home, owner)
        if set(ports) != set(ISTIOD_PORTS):
            return []
        pairs = [f"{here}={ports[name]}{path}" for here, (name, path) in _ISTIOD.items()]
        # Not by the link that the agent was started by, which would make it one of the agent's own.
        interpreter = str(Path(sys.executable).resolve())
        inside = ["nsenter", f"--net={path_of(pod.namespace)}", "--", interpreter, "-m", "embedded.network.relay"]
        return [*inside, str(os.getpid()), pod.address, *pairs]
