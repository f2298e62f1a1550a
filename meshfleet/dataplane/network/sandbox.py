"""What a program of a pod or a virtual machine runs in: a user, a file system, and namespaces of its own.

It sees the system's programs and libraries and what it is given, no process but its own, and has no privilege. The
network namespace is the pod's, which all its containers share. Sources: namespaces(7), pivot_root(2), capabilities(7)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from meshfleet.dataplane.network.namespaces import path_of
from meshfleet.errors import ProcessError
from meshfleet.processes.bounded_run import Ended, run_bounded
from meshfleet.workspace.fleet_processes import open_log

NET_ADMIN: Final = 12
NET_RAW: Final = 13
"""Capabilities by their number, those of an init container that writes rules."""
SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SCRIPT: Final = Path(__file__).with_name("enter_sandbox.py")
_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Bind:
    """A file or folder of the machine at an absolute path of the sandbox."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True)
class Sandbox:
    """`namespace` is the network's, `top` an empty folder of root's, `host` the name the program's machine has.

    `user` is its user and group; `groups` are more of them. `capabilities` are those it keeps.
    """

    namespace: str
    top: Path
    host: str
    user: int
    program: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    binds: Sequence[Bind] = ()
    groups: Sequence[int] = ()
    capabilities: Sequence[int] = ()

    def command(self) -> list[str]:
        """The command line that makes the namespaces; the rest comes on standard input (`description`)."""
        return [
            *(_system("nsenter"), f"--net={path_of(self.namespace)}", "--"),
            *(_system("unshare"), "--mount", "--pid", "--ipc", "--uts", "--fork", "--propagation=private", "--"),
            # Isolated and without site packages: nothing of an environment reaches it.
            *(str(Path(sys.executable).resolve()), "-I", "-S", str(_SCRIPT)),
        ]

    def description(self) -> bytes:
        """What `enter_sandbox` reads. No other user of the machine can: arguments and environments have secrets."""
        binds = [(str(one.source), one.target, one.writable) for one in self.binds]
        # A folder before what is shown inside it.
        binds.sort(key=lambda bind: bind[1].count("/"))
        return json.dumps(
            {
                "top": str(self.top),
                "host": self.host,
                "user": self.user,
                "groups": list(self.groups),
                "capabilities": list(self.capabilities),
                "program": self.program,
                "arguments": list(self.arguments),
                "environment": {"PATH": SYSTEM_PATH, **self.environment},
                "binds": binds,
            }
        ).encode()


def start(sandbox: Sandbox, log: Path) -> subprocess.Popen[bytes]:
    """Start the program with its output in `log`, in a session of its own. Raises ProcessError, EmbeddedError."""
    with open_log(log) as output:
        try:
            # Envoy opens its own standard output again for access logs, which takes the right to write the file.
            os.fchown(output.fileno(), sandbox.user, sandbox.user)
            started = subprocess.Popen(
                sandbox.command(),
                cwd="/",
                env={"PATH": SYSTEM_PATH},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise ProcessError(f"{sandbox.program}: cannot be started ({error.strerror})") from error
    try:
        assert started.stdin is not None
        with started.stdin as pipe:
            pipe.write(sandbox.description())
    except OSError as error:
        started.kill()
        started.wait()
        raise ProcessError(f"{sandbox.program}: cannot be started ({error.strerror})") from error
    return started


def run(sandbox: Sandbox) -> Ended:
    """Run the program to its end, a minute at most. Raises ProcessError."""
    return run_bounded(
        sandbox.command(),
        seconds=_SECONDS,
        environment={"PATH": SYSTEM_PATH},
        directory=Path("/"),
        stdin=sandbox.description().decode(),
    )


def _system(program: str) -> str:
    """The absolute path of a program of the system. Raises ProcessError."""
    found = shutil.which(program, path=SYSTEM_PATH)
    if found is None:
        raise ProcessError(f"{program}: not installed; install Debian's package util-linux")
    return found
