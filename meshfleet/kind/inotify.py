"""Instances of inotify: each node takes some, and without one kubelets and proxies fail in many ways.

Source: https://kind.sigs.k8s.io/docs/user/known-issues/#pod-errors-due-to-too-many-open-files
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from meshfleet.kind.faults import inotify_fault

NODE: Final = 40
"""What a node with Istio takes, as seen."""
_LIMIT: Final = Path("/proc/sys/fs/inotify/max_user_instances")
_PROC: Final = Path("/proc")


def require_instances(nodes: int, limit_file: Path = _LIMIT, processes: Path = _PROC) -> None:
    """Raise EmbeddedError when the limit of root, whose nodes are, leaves too few for so many nodes."""
    try:
        limit = int(limit_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        # No such limit on this machine.
        return
    needed = NODE * nodes
    used = _in_use(processes)
    if limit - used < needed:
        raise inotify_fault(limit, used, needed)


def _in_use(processes: Path) -> int:
    """The instances of root, as far as this user may see them."""
    used = 0
    for entry in processes.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            if entry.stat().st_uid != 0:
                continue
            names = [os.readlink(link) for link in (entry / "fd").iterdir()]
        except OSError:
            # Ended meanwhile, or another user's.
            continue
        used += names.count("anon_inode:inotify")
    return used
