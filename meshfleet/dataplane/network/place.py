"""Where the data plane of a fleet is on this machine: names of network namespaces, and a folder that a restart empties.

    /run/meshfleet/<identity>/      files of pods and nodes
    mf-<identity>-fabric            bridges alone: one for each network, one between all of them
    mf-<identity>-node-<cluster>    a node, which is a router: its pods behind it, a leg in its network and one outside
    mf-<identity>-pod-<cluster>-…   a pod
    mf-<identity>-vm-<name>         a virtual machine
    mf-<identity>-router-<network>  the router of a network that has machines and no node

Namespaces are seen by everybody on the machine, so that their names tell whose they are, and nothing else does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from meshfleet.errors import LockedError
from meshfleet.files import file_error
from meshfleet.workspace.home import Workspace

RUN: Final = Path("/run/meshfleet")
OUTSIDE: Final = "outside"
"""The bridge between the networks, as the internet is between those of real clusters."""
_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Place:
    """The data plane of one fleet; `identity` is eight hexadecimal digits that no other fleet of this machine has."""

    identity: str

    @classmethod
    def of(cls, workspace: Workspace) -> Place:
        """That of a fleet under a home."""
        return cls(workspace.identity[:8])

    @property
    def directory(self) -> Path:
        """Its files, which only root may enter; programs see what their sandbox shows of them."""
        return RUN / self.identity

    @property
    def prefix(self) -> str:
        """How the name of each of its namespaces begins."""
        return f"mf-{self.identity}-"

    @property
    def fabric(self) -> str:
        """The namespace with the bridges."""
        return f"{self.prefix}fabric"

    def node(self, cluster: str) -> str:
        """The namespace of a cluster's node."""
        return f"{self.prefix}node-{cluster}"

    def pods(self, cluster: str) -> str:
        """How the namespaces of a cluster's pods begin; no name of a cluster begins another's with a dot."""
        return f"{self.prefix}pod-{cluster}."

    def pod(self, cluster: str, uid: str) -> str:
        """The namespace of a pod by its UID."""
        return f"{self.pods(cluster)}{uid}"

    def machine(self, name: str) -> str:
        """The namespace of a virtual machine."""
        return f"{self.prefix}vm-{name}"

    def router(self, network: str) -> str:
        """The namespace of the router of a network that no node is on."""
        return f"{self.prefix}router-{network}"


def lock_file(place: Place) -> Path:
    """What `alone` locks: beside the folder, which goes with the last node."""
    return RUN / f"{place.identity}.lock"


@contextmanager
def alone(place: Place) -> Iterator[None]:
    """Hold what the nodes of a fleet share, its folder and its bridges. Raises LockedError, EmbeddedError."""
    try:
        RUN.mkdir(mode=0o711, exist_ok=True)
        place.directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise file_error(place.directory, error) from error
    lock = FileLock(lock_file(place), timeout=_SECONDS, mode=0o600)
    try:
        with lock:
            yield
    except Timeout:
        raise LockedError(
            f"{lock.lock_file}: another process held the networks of the fleet for {_SECONDS:.0f} s; "
            "end it, or wait for it, and run the same command again"
        ) from None


def link_name(*parts: str) -> str:
    """The name of a network interface, of which the kernel allows 15 characters."""
    return f"m{hashlib.sha256('/'.join(parts).encode()).hexdigest()[:12]}"
