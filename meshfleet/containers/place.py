"""Where everything about containers lies: one folder in the cache, and one under /run for what the machine shares."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meshfleet.errors import ContainersError
from meshfleet.workspace.cache import Cache, locate_cache

NOTES: Final = Path("/run/meshfleet-containers")
"""What concerns the machine and not a cache: the record of its settings. A restart removes it, and resets them."""
COMMAND: Final = "scripts/kind-images"
# https://man7.org/linux/man-pages/man7/unix.7.html: 108 bytes with the closing zero; containerd's is the longest.
_SOCKET_BYTES: Final = 107
_LONGEST_SOCKET: Final = "engine/exec/containerd/containerd-debug.sock"


@dataclass(frozen=True)
class Place:
    """The folder in the cache; nothing in it need exist yet."""

    root: Path

    @property
    def packages(self) -> Path:
        """Debian packages as they were downloaded and unpacked, and apt's own lists."""
        return self.root / "packages"

    @property
    def engine(self) -> Path:
        """The Docker engine's settings, socket, log, images and containers."""
        return self.root / "engine"

    @property
    def data(self) -> Path:
        """The engine's images, containers and volumes."""
        return self.engine / "data"

    @property
    def exec(self) -> Path:
        """The state of running containers."""
        return self.engine / "exec"

    @property
    def socket(self) -> Path:
        """The Unix socket of the engine's API."""
        return self.engine / "docker.sock"

    @property
    def identity(self) -> str:
        """By which the engine's processes and its cgroup are known: another for every folder."""
        return f"containers-{self._digest[:16]}"

    @property
    def bridge(self) -> str:
        """The link of the machine that is the bridge of kind's network; 15 characters are the most a link may have."""
        return f"mf-kind-{self._digest[:6]}"

    @property
    def _digest(self) -> str:
        return hashlib.sha256(str(self.engine).encode()).hexdigest()

    @property
    def images(self) -> Path:
        """Roots that images are made from, and the record of what was made."""
        return self.root / "images"

    def require_short(self) -> None:
        """Raise ContainersError unless the engine's sockets fit into what the kernel allows for the path of one."""
        longest = self.root / _LONGEST_SOCKET
        over = len(str(longest).encode()) - _SOCKET_BYTES
        if over > 0:
            raise ContainersError(
                f"{longest}: longer than the {_SOCKET_BYTES} bytes that the path of a Unix socket may have; set "
                f"MESHFLEET_CACHE to a folder whose path is at least {over} bytes shorter"
            )


def find_place(cache: Cache | None = None) -> Place:
    """The place in a cache, this user's unless given."""
    return Place((cache or locate_cache()).root / "containers")
