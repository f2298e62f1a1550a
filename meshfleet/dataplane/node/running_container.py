"""A container that runs as a process: started, found again, asked how it is, ended."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.dataplane.node.containers import Container, HttpProbe
from meshfleet.dataplane.node.pod_status import ContainerState
from meshfleet.errors import UnreachableError
from meshfleet.workspace import fleet_processes as processes

if TYPE_CHECKING:
    import psutil

# The kubelet waits ten seconds and then ever longer; here a restart is rare, and callers wait for it.
_RESTART_SECONDS: Final = 1.0
_PROBE_SECONDS: Final = 3.0
_PROBE_BYTES: Final = 1024 * 1024
_SIMULATED: Final = "no program of this machine stands for it"

Start = Callable[[Container], subprocess.Popen[bytes] | None]


@dataclass
class RunningContainer:
    """`start` starts its process and returns it, or None where nothing stands for the container."""

    container: Container
    log: Path
    start: Start
    state: ContainerState = field(default_factory=ContainerState)
    _process: subprocess.Popen[bytes] | None = None
    _adopted: psutil.Process | None = None
    _probed: float = 0.0
    _failed: int = 0
    _ended: float = 0.0

    def begin(self) -> None:
        """Start it, for the first time or again."""
        restarts = self.state.restarts + (1 if self.state.begun else 0)
        self._process = self.start(self.container)
        self._failed, self._probed = 0, 0.0
        unprobed = self._process is None or self.container.ready is None
        self.state = replace(
            self.state, begun=now(), running=True, ready=unprobed, restarts=restarts, message=self.state.message
        )
        if self._process is None and self.container.first and not self.container.sidecar:
            self.state = replace(self.state, running=False, code=0, message=_SIMULATED)

    def adopt(self, process: psutil.Process) -> None:
        """Take over the one that runs already."""
        self._adopted = process
        begun = datetime.fromtimestamp(process.create_time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.state = replace(self.state, begun=begun, running=True, ready=self.container.ready is None)

    def wait(self, stop: threading.Event) -> int:
        """Wait for the end of one that is to end by itself; its exit code."""
        while self._process is not None and self._process.poll() is None:
            if stop.wait(0.02):
                return 1
        self._look()
        return self.state.code or 0

    def look(self, ask: Callable[[HttpProbe], bool]) -> None:
        """See whether it runs and is ready; one that has ended is started again in its time."""
        self._look()
        if not self.state.running and self.state.begun:
            if time.monotonic() - self._ended >= _RESTART_SECONDS:
                self.begin()
            return
        probe = self.container.ready
        if probe is None or (self._process is None and self._adopted is None):
            return
        # Until it is ready it is probed more often than declared, since callers wait for it.
        period = probe.period if self.state.ready else min(probe.period, 0.2)
        if time.monotonic() - self._probed < period:
            return
        self._probed = time.monotonic()
        if ask(probe):
            self._failed = 0
            self.state = replace(self.state, ready=True)
        else:
            self._failed += 1
            if self._failed >= probe.failures:
                self.state = replace(self.state, ready=False)

    def _look(self) -> None:
        code = None
        if self._process is not None:
            code = self._process.poll()
        elif self._adopted is not None and not self._adopted.is_running():
            self._adopted, code = None, 1
        if code is not None and self.state.running:
            self._ended = time.monotonic()
            message = processes.last_lines(self.log) if code else ""
            self.state = replace(self.state, running=False, ready=False, code=abs(code), message=message[-2000:])


def ask_over_http(address: str, probe: HttpProbe) -> bool:
    """Whether what listens at `address` answers well; from the namespace the calling thread is in."""
    from meshfleet.kube.transport import get

    try:
        page = get(f"http://{address}:{probe.port}{probe.path}", seconds=_PROBE_SECONDS, limit=_PROBE_BYTES)
    except UnreachableError:
        return False
    return 200 <= page.status < 400


def now() -> str:
    """The time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
