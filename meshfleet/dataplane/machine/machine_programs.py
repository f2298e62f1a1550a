"""The programs of a virtual machine that runs here: started in its namespace, found there again, ended.

They outlive the command that started them, and are known by their namespace and a mark.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.dataplane.machine.machine_files import MachineFiles
from meshfleet.dataplane.network import namespaces, programs, sandbox
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.network.programs import MARK, mark_of
from meshfleet.dataplane.network.sandbox import NET_ADMIN, NET_RAW, Sandbox
from meshfleet.dataplane.node.programs import Program, Role, passing_by
from meshfleet.dataplane.node.sources import lay_out
from meshfleet.errors import ProcessError
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.workspace import fleet_processes as processes

if TYPE_CHECKING:
    import subprocess

    import psutil

_ENTERED_SECONDS: Final = 10.0
# Envoy drains for five seconds when it is asked to end; a machine that goes does not wait for it.
_GRACE_SECONDS: Final = 2.0


@dataclass(frozen=True)
class MachinePrograms:
    """What runs on the machine `name` of the fleet at `place`; Istio's in a `release`, empty for the standard one."""

    place: Place
    name: str
    files: MachineFiles
    release: str = ""

    @property
    def namespace(self) -> str:
        """Its network namespace."""
        return self.place.machine(self.name)

    @property
    def binaries(self) -> Path:
        """Where its programs lie as it sees them."""
        return programs.binaries(self.place)

    def log(self, mark: str) -> Path:
        """Where a program writes."""
        return self.files.logs / f"{mark}.log"

    def running(self) -> frozenset[str]:
        """The marks of what runs."""
        return frozenset(mark_of(process) for process in namespaces.processes_in(self.namespace)) - {""}

    def start(self, mark: str, program: Program) -> subprocess.Popen[bytes]:
        """Start a program in place of what had its mark, and wait until it runs. Raises ProcessError."""
        # What one that was killed has left behind holds the ports of the next one.
        self.end(mark)
        started = sandbox.start(self._sandbox(program, {MARK: mark}), self.log(mark))
        # Collects the exit status, so that what ends while we live is gone and not a zombie.
        threading.Thread(target=started.wait, name=f"reap-{started.pid}", daemon=True).start()

        def entered() -> None:
            # Until it is the program itself, it is now and then nothing for a moment: what starts it becomes another.
            if any(_program_of(process).startswith(str(self.binaries)) for process in self._processes(mark)):
                return
            if started.poll() is not None:
                raise ProcessError(f"{self.name}: the {mark} has exited; {processes.last_lines(self.log(mark))}")
            raise NotYetError("it has not entered its namespace")

        wait_until(entered, f"the {mark} of machine {self.name}", _ENTERED_SECONDS, f"check {self.log(mark)}")
        return started

    def run(self, program: Program, what: str) -> None:
        """Run a program to its end. Raises ProcessError, which names `what` cannot be done."""
        try:
            done = sandbox.run(self._sandbox(program, {}))
        except ProcessError as error:
            raise ProcessError(f"{self.name}: {what} ({error})") from error
        if done.code != 0:
            said = " ".join((done.err or done.out).split())[-400:]
            raise ProcessError(f"{self.name}: {what}: {said}")

    def end(self, mark: str) -> None:
        """End what has a mark; fine when nothing has. Raises ProcessError."""
        processes.end(self._processes(mark), _GRACE_SECONDS)

    def _sandbox(self, program: Program, more: Mapping[str, str]) -> Sandbox:
        users, rules = self.files.users(), program.role is Role.RULES
        return Sandbox(
            namespace=self.namespace,
            top=programs.sandbox_top(self.place),
            host=self.name.replace(".", "-"),
            user=program.user(users),
            capabilities=[NET_ADMIN, NET_RAW] if rules else [],
            program=str(self.binaries / program.name),
            arguments=passing_by(program.arguments, users) if rules else program.arguments,
            environment={**program.environment, **more},
            binds=[*self.files.binds(), *lay_out(self.place, self.release)],
        )

    def _processes(self, mark: str) -> list[psutil.Process]:
        return [one for one in namespaces.processes_in(self.namespace) if mark_of(one) == mark]


def _program_of(process: psutil.Process) -> str:
    """The program a process runs, as it was named; empty when it has ended."""
    import psutil

    try:
        return (process.cmdline() or [""])[0]
    except psutil.Error:
        return ""
