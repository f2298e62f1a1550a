"""Is there room to build? Better said before than after ten minutes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from meshfleet.errors import ToolchainError
from meshfleet.toolchain.recipes import Recipe

_GIGABYTE = 10**9


def require_space(recipes: Sequence[Recipe], *, builds: Path, modules: Path) -> None:
    """Raise ToolchainError unless the disk of Go's build cache `builds` has room to build `recipes`.

    What an interrupted build has left in `builds` and in the module cache `modules` counts as room.
    """
    needed = sum(recipe.gigabytes for recipe in recipes) * _GIGABYTE
    free = free_bytes(builds)
    if free >= needed:
        return
    # Measured only now, for it takes seconds.
    if free + _size(builds) + _size(modules) >= needed:
        return
    raise ToolchainError(
        f"building {', '.join(recipe.tool for recipe in recipes)} takes about {needed / _GIGABYTE:.0f} GB "
        f"for Go's caches in {builds.parent} (removed when all is built; about 1 GB stays), and "
        f"{free / _GIGABYTE:.1f} GB are free. To do: free some, or set MESHFLEET_CACHE to a folder on "
        f"a larger disk"
    )


def free_bytes(path: Path) -> int:
    """The bytes this user may still write where `path` is, or will be."""
    existing = path
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free


def _size(folder: Path) -> int:
    total = 0
    for directory, _, names in os.walk(folder):
        total += sum(os.lstat(os.path.join(directory, name)).st_blocks * 512 for name in names)
    return total
