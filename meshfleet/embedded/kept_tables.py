"""Which home each table of nftables for loopback ports belongs to: a note under /run, which a restart removes as well.

A table is named after the path of its home, and nothing in it tells that path. When a home is moved or removed with its
files, its table stays: the next command of any home that writes its own table removes it. Without the right to keep
notes, a table stays until the machine restarts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from meshfleet.errors import FileError
from meshfleet.files import make_directory, read_record, remove_file, write_file
from meshfleet.files.json_text import parse_json
from meshfleet.processes.listeners import listening
from meshfleet.workspace.marker import is_home

NOTES: Final = Path("/run/meshfleet-tables")
_VERSION: Final = 1


@dataclass(frozen=True)
class Kept:
    """A table, the home it was made for, and the ports in it."""

    table: str
    home: Path
    ports: frozenset[int]


def keep(kept: Kept, notes: Path = NOTES) -> None:
    """Note a table, or that it is gone when it has no ports; in vain where this user may not write there."""
    path = notes / f"{kept.table}.json"
    try:
        if not kept.ports:
            remove_file(path)
            return
        text = json.dumps({"version": _VERSION, "home": str(kept.home), "ports": sorted(kept.ports)}) + "\n"
        write_file(make_directory(notes) / path.name, text)
    except FileError:
        return


def abandoned(home: Path, closed: Collection[int], notes: Path = NOTES) -> Iterator[Kept]:
    """The tables of homes that are gone, but for those with a port on which something still listens.

    `closed` are the ports in the table of `home`, which has taken the place of the one of a home that was moved.
    """
    try:
        paths = sorted(notes.glob("*.json"))
    except OSError:
        return
    for path in paths:
        kept = _read(path)
        if kept and kept.home != home and not is_home(kept.home) and not listening(kept.ports - set(closed)):
            yield kept


def _read(path: Path) -> Kept | None:
    def parse(text: str) -> Kept:
        content = parse_json(text)
        home = str(content["home"])
        if not home.startswith("/") or "\0" in home:
            raise ValueError(home)
        return Kept(path.stem, Path(home), frozenset(map(int, content["ports"])))

    try:
        return read_record(path, parse, "remove it")
    except FileError:
        # Of a later version, or damaged: nothing tells whose table it is.
        return None
