"""What the fleets under one home have set aside for themselves: loopback ports and addresses of gateways.

One small file under one lock, so that clusters which are made at the same moment never pick the same port.
The same owner gets the same answer for as long as it keeps the reservation, across restarts of the machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from topology.errors import EmbeddedError, LockedError
from topology.files import file_error, make_directory, write_file

_SECONDS: Final = 30.0


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

    Raises LockedError when another process holds them for half a minute, EmbeddedError when they are damaged.
    """
    make_directory(home)
    lock = FileLock(home / "reservations.lock", timeout=_SECONDS, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise LockedError(
            f"{lock.lock_file}: another meshfleet held the port reservations for {_SECONDS:.0f} s; "
            "end it, or wait for it, and run the same command again"
        ) from None
    except OSError as error:
        raise file_error(Path(lock.lock_file), error) from error
    try:
        path = home / "reservations.json"
        text = _read(path)
        held = _parse(path, text)
        yield held
        changed = json.dumps({"ports": held.ports, "addresses": held.addresses}, indent=2, sort_keys=True) + "\n"
        if changed != text:
            write_file(path, changed)
    finally:
        lock.release()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise file_error(path, error) from error


def _parse(path: Path, text: str) -> Reservations:
    if not text:
        return Reservations()
    try:
        content = json.loads(text)
        return Reservations(
            ports={
                str(owner): {str(name): int(port) for name, port in ports.items()}
                for owner, ports in content["ports"].items()
            },
            addresses={str(owner): str(address) for owner, address in content["addresses"].items()},
        )
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise EmbeddedError(
            f"{path}: damaged ({error}); remove the file when no embedded cluster of this home runs: "
            "it is written anew by the next up"
        ) from error
