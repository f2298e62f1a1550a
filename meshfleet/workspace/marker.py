"""What makes a directory ours: a small file in it, written when we make it and looked for before anything is removed.

The home and each fleet's directory have one. That of a fleet also holds the identity by which its processes and its
network namespaces are known, and the inode of the directory: a directory that was moved keeps it, a copy has another.
Homes and fleets of earlier versions have none; they are recognised by what is in them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from meshfleet.errors import FileError, NewerFileError
from meshfleet.files import make_directory, read_record, write_file
from meshfleet.files.json_text import parse_json

MARKER: Final = ".meshfleet"
VERSION: Final = 1

OF_CHARTS: Final = ("cert-manager", "cert-manager-pods", "charts", "gateway-api")
"""The links to the charts of the toolchain, in a home."""

OF_A_HOME: Final = (*OF_CHARTS, "fleets", "kubectl", "passphrase", "pulumi", "state")
"""What commands make in a home, beside its marker, reservations and pictures."""

OF_A_FLEET: Final = (
    "cert-managers",
    "clusters",
    "command.json",
    "command.lock",
    "containers",
    "istiods",
    "kubeconfigs",
    "nodes",
    "portals",
)
"""What is only ever in the directory of a fleet."""


@dataclass(frozen=True)
class Marker:
    """`kind` is `home` or `fleet`; `identity` (hexadecimal digits) and `inode` are those of a fleet."""

    kind: str
    identity: str = ""
    inode: int = 0


def read_marker(directory: Path) -> Marker | None:
    """The marker in a directory; None when there is none. Raises FileError when it is damaged, or newer than this."""
    return read_record(directory / MARKER, _parse, "remove that file: the next command writes it again")


def write_marker(directory: Path, marker: Marker) -> None:
    """Make the directory if need be, and mark it. Raises FileError."""
    make_directory(directory)
    write_file(directory / MARKER, json.dumps({"version": VERSION, **asdict(marker)}) + "\n")


def claim_home(home: Path) -> None:
    """Mark a home as ours, made if absent. Raises FileError when it holds something of those names that is not ours."""
    if (home / MARKER).is_file():
        return
    if not is_home(home):
        foreign = [name for name in OF_A_HOME if _is_foreign(home / name)]
        # Another command that claims it at this moment marks it before it makes anything else in it.
        if foreign and not (home / MARKER).is_file():
            raise FileError(
                f"{home}: already contains {', '.join(foreign)}, which meshfleet did not create; "
                "set MESHFLEET_HOME to an empty directory"
            )
    write_marker(home, Marker("home"))


def _is_foreign(path: Path) -> bool:
    """Whether something is there that no command made: links to charts are in the checkout wherever its home is."""
    if path.is_symlink() and path.name in OF_CHARTS:
        return "toolchain" not in path.readlink().parts
    return path.is_symlink() or path.exists()


def is_home(home: Path) -> bool:
    """Whether a directory is a home, by its marker or, of an earlier version, by what is in it."""
    if (home / MARKER).is_file():
        return True
    prepared = (home / "pulumi" / "plugins").is_dir() and (home / "state").is_dir()
    kept = [name for name in ("reservations.json", "reservations.lock") if (home / name).is_file()]
    # Pulumi's own layout: stacks/PROJECT/STACK.json and locks/ORGANIZATION/PROJECT/STACK/ID.json.
    states = home / "state" / ".pulumi"
    recorded = any(states.glob("stacks/meshfleet")) or any(states.glob("locks/*/meshfleet"))
    return prepared or len(kept) == 2 or recorded or any(is_fleet(path) for path in home.glob("fleets/*"))


def is_fleet(directory: Path) -> bool:
    """Whether a directory is that of a fleet, by its marker or, of an earlier version, by what is in it."""
    if not directory.is_dir():
        return False
    own = (f"Pulumi.{directory.name}.yaml", "fleet.svg", "verification.json", "forgetting.json", "temporary")
    known = (directory / MARKER).is_file() or any((directory / name).exists() for name in (*OF_A_FLEET, *own))
    # In an empty one there is nothing to lose.
    return known or not any(directory.iterdir())


def _parse(text: str) -> Marker:
    content = parse_json(text)
    version = content.pop("version", 0)
    if version > VERSION:
        raise NewerFileError(f"version {version}, this one knows {VERSION}")
    found = Marker(**content)
    if not (isinstance(found.kind, str) and isinstance(found.identity, str) and isinstance(found.inode, int)):
        raise TypeError("a field is of another type")
    return found
