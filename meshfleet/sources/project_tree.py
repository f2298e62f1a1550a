"""Files of the project, read with care: nothing outside of it, no links, no devices, nothing too large."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meshfleet.errors import FileError
from meshfleet.files import make_directory, read_bytes, read_text, write_file

FILE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a file of a source; objects have 1 MiB at most, and a file may hold several."""
MOST_FILES: Final = 2000
MOST_BYTES: Final = 16 * 1024 * 1024
_DEEPEST: Final = 30

Files = dict[str, bytes]
"""Content by place, in the order of places."""


@dataclass(frozen=True)
class ProjectTree:
    """The folder of a project; a place is a path below it, with `/`, as `checked_place` leaves it."""

    root: Path

    def is_folder(self, place: str) -> bool:
        """Whether a folder is there, or else a file. Raises FileError, which names the place, for anything else."""
        return stat.S_ISDIR(self._kind(place))

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted. Raises FileError."""
        try:
            return sorted(os.listdir(self.root / folder))
        except OSError as error:
            raise FileError(f"{folder}: {error.strerror}; check that folder") from error

    def text(self, place: str) -> str:
        """The text of a file. Raises FileError for one that is none, too large or no UTF-8."""
        self._kind(place)
        try:
            text = read_text(self.root / place, limit=FILE_LIMIT)
        except FileError as error:
            raise self._relative(error) from None
        if text is None:
            raise FileError(f"{place}: there is no such file in the project; check that path")
        return text

    def files(self, place: str) -> Files:
        """A file, or all files below a folder, by place. Raises FileError for what is no file, and for too many."""
        found: Files = {}
        left = MOST_BYTES
        waiting = [place]
        while waiting:
            one = waiting.pop()
            if one.count("/") - place.count("/") > _DEEPEST:
                raise FileError(f"{one}: is more than {_DEEPEST} folders below {place}; check that folder")
            if self.is_folder(one):
                # Names with a dot are of version control and editors; `.helmignore` says what is no part of a chart.
                names = [name for name in self.names(one) if not name.startswith(".") or name == ".helmignore"]
                waiting += [joined(one, name) for name in reversed(names)]
                continue
            try:
                content = read_bytes(self.root / one, limit=MOST_BYTES) or b""
            except FileError as error:
                raise self._relative(error) from None
            found[one] = content
            left -= len(content)
            if left < 0 or len(found) > MOST_FILES:
                raise FileError(
                    f"{place}: has more than {MOST_FILES} files or {MOST_BYTES} bytes; name a smaller folder"
                )
        return found

    def _kind(self, place: str) -> int:
        """The mode of what is at a place, with no link on the way to it."""
        path, mode = self.root, stat.S_IFDIR
        passed: list[str] = []
        for part in place.split("/"):
            path = path / part
            passed.append(part)
            here = "/".join(passed)
            try:
                mode = os.lstat(path).st_mode
            except FileNotFoundError:
                raise FileError(f"{here}: there is no such file or folder in the project; check that path") from None
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                raise FileError(f"{here}: {reason}; check that path") from None
            if stat.S_ISLNK(mode):
                raise FileError(f"{here}: is a link, which is not followed here; put the file itself there")
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            raise FileError(f"{place}: is no regular file; check that path")
        return mode

    def _relative(self, error: FileError) -> FileError:
        return FileError(str(error).replace(f"{self.root}{os.sep}", ""))


def joined(folder: str, name: str) -> str:
    """The place of a name in a folder."""
    return name if folder == "." else f"{folder}/{name}"


def write_tree(files: Files, folder: Path) -> None:
    """Write files below a folder of our own. Raises FileError."""
    for place, content in files.items():
        make_directory((folder / place).parent)
        write_file(folder / place, content)
