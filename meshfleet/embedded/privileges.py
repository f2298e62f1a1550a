"""What this process may do on this machine: tried in a child that leaves nothing behind, not read off its user.

Root in a container has a part of root's capabilities only (Docker's default set has neither CAP_SYS_ADMIN nor
CAP_NET_ADMIN, and /proc/sys is read-only there), a user may have been given some. So each thing that the data plane
does is done once, in namespaces that end with the child.

Sources: https://man7.org/linux/man-pages/man7/capabilities.7.html and
https://docs.docker.com/engine/security/#linux-kernel-capabilities
"""

from __future__ import annotations

import shutil
from functools import cache
from typing import Final

from meshfleet.errors import ProcessError
from meshfleet.processes.bounded_run import OverdueError, run_bounded

_PROGRAMS: Final = ("nft", "nsenter", "unshare", "setpriv", "sh", "mount", "chown")
_SECONDS: Final = 10.0
_STEP: Final = "step:"
# Of the proxies (meshfleet/dataplane/node/programs.py); any user but root does.
_USER: Final = 1337
# What `dataplane/network` and `dataplane/node` do, each with the words for what is missing where it fails. The file
# system of the child's mount namespace is its own.
_STEPS: Final = (
    ("mount a file system", "mount -t tmpfs meshfleet-try /run"),
    ("keep a network namespace", "touch /run/net && mount --bind /proc/self/ns/net /run/net"),
    ("enter a network namespace", "nsenter --net=/run/net true"),
    ("set a kernel parameter of a network namespace", "echo 1 > /proc/sys/net/ipv4/ip_forward"),
    ("write packet rules", "nft add table ip meshfleet-try"),
    ("make namespaces of processes", "unshare --pid --ipc --uts --fork --mount-proc true"),
    ("give a file to another user", f"touch /run/file && chown {_USER}:{_USER} /run/file"),
    ("run a program as another user", f"setpriv --reuid={_USER} --regid={_USER} --clear-groups --no-new-privs true"),
)
_ROOT: Final = "it takes root, or the capabilities CAP_SYS_ADMIN and CAP_NET_ADMIN, to"


@cache
def missing_for_pods() -> str:
    """Why pods cannot run as processes here; empty when they can. Tried once for each process."""
    absent = [name for name in _PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"the program {absent[0]} is not installed"
    script = "\n".join(f"echo '{_STEP}{words}'\n{command}" for words, command in _STEPS)
    command = ["unshare", "--net", "--mount", "--propagation=private", "sh", "-ec", script]
    return _failure(command, "make network namespaces")


@cache
def missing_for_rules() -> str:
    """Why packet rules of the machine itself cannot be written here; empty when they can. Tried once likewise."""
    if shutil.which("nft") is None:
        return "the program nft is not installed"
    return _failure(["nft", "list", "tables"], "write packet rules")


def _failure(command: list[str], first: str) -> str:
    """What failed of a command whose steps print their names, in words; empty when nothing did."""
    try:
        done = run_bounded(command, seconds=_SECONDS)
    except OverdueError:
        return f"an attempt to {first} did not end in {_SECONDS:.0f} s"
    except ProcessError as error:
        return str(error)
    if done.code == 0:
        return ""
    steps = [line.removeprefix(_STEP) for line in done.out.splitlines() if line.startswith(_STEP)]
    reason = done.err.strip().rpartition("\n")[2].rpartition(": ")[2].strip(" .")[:100]
    return f"{_ROOT} {steps[-1] if steps else first}" + (f" ({reason})" if reason else "")
