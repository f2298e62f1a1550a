"""The homes of this user on this machine, known to each other, so that no two of them reserve the same port.

Each home is listed in the cache that the checkouts of a user share. A fleet that is stopped listens nowhere: without
the list another home would take its ports, and it could not be started again. Users do not see each other's lists;
between them holds what `meshfleet.embedded.ports` tries, that a port is free when it is reserved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from meshfleet.embedded.reservation_record import ADVICE, load
from meshfleet.errors import FileError
from meshfleet.files import file_error, make_directory, read_record, read_text, remove_file, write_file
from meshfleet.workspace.cache import locate_cache
from meshfleet.workspace.held_file import held

_SECONDS: Final = 30.0


@contextmanager
def ports_of_other_homes(home: Path) -> Iterator[set[int]]:
    """Every port that another home of this user has reserved; none of them reserves one while the block runs.

    `home` is listed from now on. A cache that cannot be written to, as an image's may be, has no list: then the
    answer is empty. Raises LockedError when another process holds the list for half a minute.
    """
    folder = locate_cache().root / "homes"
    lock = folder / "ports.lock"
    refusal = (
        f"{lock}: another meshfleet reserved ports for {_SECONDS:.0f} s; wait for it and run the same command again"
    )
    # One that is not there leaves the list.
    make_directory(home)
    with ExitStack() as stack:
        try:
            stack.enter_context(held(make_directory(folder) / lock.name, _SECONDS, refusal))
            _list(folder, home)
            taken = {port for other in _homes(folder) if other != home for port in _reserved(other)}
        except FileError:
            taken = set()
        yield taken


def _list(folder: Path, home: Path) -> None:
    entry = folder / hashlib.sha256(str(home).encode()).hexdigest()[:16]
    if _listed(entry) != home:
        write_file(entry, f"{home}\n")


def _homes(folder: Path) -> list[Path]:
    """The homes that are there; those that were removed leave the list."""
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.suffix)
    except OSError as error:
        raise file_error(folder, error) from error
    found = []
    for entry in entries:
        listed = _listed(entry)
        if listed is not None and listed.is_dir():
            found.append(listed)
        else:
            remove_file(entry)
    return found


def _listed(entry: Path) -> Path | None:
    """The home that an entry names; None when it is absent or damaged."""
    try:
        text = (read_text(entry) or "").removesuffix("\n")
    except FileError:
        return None
    return Path(text) if text.startswith("/") and "\0" not in text else None


def _reserved(home: Path) -> set[int]:
    """Nothing where the record of another home is damaged: that is for a command on that home to say."""
    try:
        record = read_record(home / "reservations.json", load, ADVICE)
    except FileError:
        return set()
    ports = record[0] if record else {}
    return {port for taken in ports.values() for port in taken.values()}
