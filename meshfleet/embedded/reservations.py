"""What the fleets under one home have set aside for themselves: loopback ports and addresses of gateways.

One small file under one lock, so that clusters which are made at the same moment never pick the same port.
The same owner gets the same answer for as long as it keeps the reservation, across restarts of the machine. Each
fleet's directory has a copy of its own part, from which the file is rebuilt when it is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from meshfleet.embedded.reservation_record import ADVICE, COPY, dump, load
from meshfleet.errors import FileError, NewerFileError
from meshfleet.files import read_record, read_text, write_file
from meshfleet.workspace.home_lock import home_locked
from meshfleet.workspace.marker import is_fleet


@dataclass
class Reservations:
    """All that is set aside. `ports`: owner → name → port; `addresses`: owner → IPv4 address."""

    ports: dict[str, dict[str, int]] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def port_numbers(self) -> set[int]:
        """Every port that is taken by a reservation."""
        return {port for ports in self.ports.values() for port in ports.values()}


@contextmanager
def reservations(home: Path) -> Iterator[Reservations]:
    """The reservations of `home`, locked; what the block changed is written when it ends without an error.

    A file that is absent, empty or damaged is rebuilt from the directories of the fleets. Raises LockedError when
    another process holds them for half a minute, FileError when the file cannot be read or a later version wrote it.
    """
    with home_locked(home):
        path = home / "reservations.json"
        found = _read(path)
        kept = found or _rebuilt(home)
        before = dump(found.ports, found.addresses) if found else ""
        yield kept
        changed = dump(kept.ports, kept.addresses)
        if changed != before and (found or kept != Reservations()):
            write_file(path, changed)
            _write_copies(home, kept)


def _read(path: Path) -> Reservations | None:
    """None when there is none that can be used: absent, or damaged in a way that does not say more."""
    try:
        return read_record(path, lambda text: Reservations(*load(text)), ADVICE)
    except NewerFileError:
        raise
    except FileError:
        if not path.is_file() or path.is_symlink():
            raise
        return None


def _write_copies(home: Path, kept: Reservations) -> None:
    """Write what each fleet has reserved into its directory, if that is there: the file can be rebuilt from these."""
    for directory in home.glob("fleets/*"):
        prefix = f"{directory.name}/"
        ports = {owner: taken for owner, taken in kept.ports.items() if owner.startswith(prefix)}
        addresses = {owner: address for owner, address in kept.addresses.items() if owner.startswith(prefix)}
        path, text = directory / COPY, dump(ports, addresses)
        if is_fleet(directory) and _text(path) != text:
            write_file(path, text)


def _text(path: Path) -> str | None:
    try:
        return read_text(path)
    except FileError:
        return None


def _rebuilt(home: Path) -> Reservations:
    """What the directories of the fleets say, where the one file is absent or damaged."""
    from meshfleet.embedded.reservations_rebuilt import rebuilt

    return Reservations(*rebuilt(home))
