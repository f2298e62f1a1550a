"""One folder with every program of the toolchain, so that callers put one entry on PATH.

Beside `bin`, the entry, is `share` with the files that programs are told to read.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def view_faults(directory: Path, contents: Mapping[str, Path]) -> list[str]:
    """What keeps `directory` from holding `contents` (path in it to file); empty when nothing does."""
    return [name for name, source in contents.items() if not _same(directory / name, source)]


def publish_view(directory: Path, contents: Mapping[str, Path], *, linked: Path | None = None) -> None:
    """Put each file (by its path in `directory`) there, each in one step, and remove what does not belong there.

    Files of the cache become hard links: the Pulumi CLI resolves symbolic links before it looks for its
    language host beside itself, and warns when it finds it elsewhere. Programs in the folder `linked` are not
    ours and become symbolic links.
    """
    targets = {directory / name: source for name, source in contents.items()}
    for folder in {target.parent for target in targets}:
        folder.mkdir(parents=True, exist_ok=True)
        for unknown in set(folder.iterdir()) - set(targets):
            unknown.unlink()
    for target, source in targets.items():
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        if source.parent == linked:
            draft.symlink_to(source)
        else:
            _link_or_copy(source, draft)
        # Renaming one hard link onto another of the same file leaves both, so the old one goes first.
        target.unlink(missing_ok=True)
        draft.rename(target)


def _same(link: Path, source: Path) -> bool:
    try:
        there, wanted = link.stat(), source.stat()
    except OSError:
        return False
    return (there.st_size, there.st_mtime_ns) == (wanted.st_size, wanted.st_mtime_ns)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except PermissionError:
        # Some filesystems have no hard links.
        shutil.copy2(source, target)
