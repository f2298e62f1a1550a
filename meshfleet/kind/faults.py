"""What docker and kind report, as one sentence with what to do. Pure.

Sources: client/errors.go of docker/docker and https://kind.sigs.k8s.io/docs/user/known-issues/
"""

from __future__ import annotations

import re
from typing import Final

from meshfleet.errors import EmbeddedError

_LONGEST: Final = 300
_INOTIFY: Final = "https://kind.sigs.k8s.io/docs/user/known-issues/#pod-errors-due-to-too-many-open-files"

_TAKEN: Final = r"already exist for a cluster with the name|The container name \"[^\"]*\" is already in use"

# What is in the output → what was seen, and what to do. The first that fits is the reason.
_KNOWN: Final = (
    (
        r"permission denied while trying to connect|dial unix [^:]*: connect: permission denied",
        "this user may not use it",
        "add the user to the group docker and log in again, or run the command as root",
    ),
    (
        r"Cannot connect to the Docker daemon|Is the docker daemon running|dial unix [^:]*: connect: "
        r"(no such file|connection refused)",
        "it does not run",
        "start it (systemctl start docker), name another with kind.docker.socket, or use images: built, for which the "
        "fleet starts its own",
    ),
    (
        _TAKEN,
        "a container of that name is there and not of this stack",
        "delete it (kind delete cluster --name, or docker rm -f), or rename the cluster in the stack file",
    ),
    (
        r"No such image|pull access denied|manifest unknown|manifest for .* not found|no such host|"
        r"failed to pull image",
        "the image is not there and cannot be pulled",
        "check its name, load it into the engine with docker load, or use images: built",
    ),
    (r"no space left on device", "its disk is full", "free some space and run the same command again"),
    (
        r"too many open files|inotify",
        "the machine has no inotify instance left",
        f"raise the limit with sysctl -w fs.inotify.max_user_instances=1024 ({_INOTIFY})",
    ),
    (
        r"port is already allocated|address already in use",
        "a port that was free is taken by now",
        "run the same command again",
    ),
)


def is_taken(output: str) -> bool:
    """Whether it reports that a container of a name that was to be made is there already."""
    return bool(re.search(_TAKEN, output, re.IGNORECASE))


def docker_fault(where: str, output: str, doing: str = "") -> EmbeddedError:
    """The error for what docker, or kind through it, reports; `doing` is what it was to do."""
    subject = f"{where}: {doing}: " if doing else f"{where}: "
    for pattern, seen, advice in _KNOWN:
        if re.search(pattern, output, re.IGNORECASE):
            return EmbeddedError(f"{subject}{seen} ({last_words(output)}); {advice}")
    return EmbeddedError(f"{subject}{last_words(output)}; fix the cause and run the same command again")


def last_words(output: str) -> str:
    """The end of an output in one line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(ERROR|Error|error|fatal|docker:)", line)]
    text = (errors or lines or ["it printed nothing"])[-1]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def inotify_fault(limit: int, used: int, needed: int) -> EmbeddedError:
    """The error for a machine whose limit of inotify instances leaves too few for a cluster."""
    return EmbeddedError(
        f"fs.inotify.max_user_instances is {limit}, {used} are in use, and the nodes need about {needed} more: "
        f"kubelets and proxies would fail; raise it with sysctl -w fs.inotify.max_user_instances=1024 ({_INOTIFY})"
    )
