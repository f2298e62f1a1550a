"""Programs that run in a network namespace of a fleet: what starts them there, and where they lie.

A program sees the machine's files, but for /etc/hosts and /etc/resolv.conf, which are its namespace's own, and for
the folder of programs: those lie in folders that only their owner may enter, and proxies run as another user.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from embedded.network.namespaces import path_of
from embedded.network.place import Place
from embedded.processes import open_log
from topology.errors import ProcessError
from topology.files import file_error

# Everything that differs comes as an argument: first pairs of a file and what takes its place, then the program.
_SCRIPT: Final = """\
while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 125; shift 2; done; shift; exec "$@"
"""
MARK: Final = "MESHFLEET_CONTAINER"
"""The variable by which a running container is known again."""


@dataclass(frozen=True)
class Surroundings:
    """What a program finds: its namespace, its own files for names, and its user."""

    namespace: str
    hosts: Path
    resolver: Path
    user: int


def lay_out(place: Place, sources: Mapping[str, Path], copies: Mapping[str, Path]) -> Path:
    """Make the folder of programs: a place for each of `sources`, which are put there for each program that starts.

    `copies` are small files that lie there themselves. Returns the folder. Raises EmbeddedError.
    """
    folder = place.directory / "bin"
    try:
        for parent in (place.directory.parent, place.directory, folder):
            parent.mkdir(mode=0o711, exist_ok=True)
            parent.chmod(0o711)
        for name in sources:
            (folder / name).touch(mode=0o755)
        for name, source in copies.items():
            shutil.copyfile(source, folder / name)
            (folder / name).chmod(0o644)
    except OSError as error:
        raise file_error(folder, error) from error
    return folder


def command(
    surroundings: Surroundings, folder: Path, sources: Mapping[str, Path], program: str, arguments: Sequence[str]
) -> list[str]:
    """The command line that runs one of the programs in its surroundings. Pure."""
    replaced = {source: folder / name for name, source in sources.items()}
    replaced |= {surroundings.hosts: Path("/etc/hosts"), surroundings.resolver: Path("/etc/resolv.conf")}
    pairs = [str(path) for pair in replaced.items() for path in pair]
    user = str(surroundings.user)
    drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"]
    return [
        "nsenter",
        f"--net={path_of(surroundings.namespace)}",
        "unshare",
        "--mount",
        "--propagation=private",
        "sh",
        "-c",
        _SCRIPT,
        "sh",
        *pairs,
        "--",
        *(drop if surroundings.user else ()),
        str(folder / program),
        *arguments,
    ]


def start(
    line: Sequence[str], directory: Path, log: Path, environment: Mapping[str, str], user: int
) -> subprocess.Popen[bytes]:
    """Start it in `directory`, its output in `log`, which is the user's, in a session of its own.

    Raises ProcessError.
    """
    with open_log(log) as output:
        try:
            # Envoy opens its own standard output anew for access logs.
            os.chown(log, user, user)
            return subprocess.Popen(
                list(line),
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise ProcessError(f"{line[0]}: cannot be started ({error.strerror})") from error


def mark_of(process: Any) -> str:
    """The container a process belongs to; empty when to none, or when it has ended."""
    import psutil

    try:
        return str(process.environ().get(MARK, ""))
    except psutil.Error:
        return ""
