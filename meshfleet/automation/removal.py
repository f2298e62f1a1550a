"""The last step of `scripts/down`: remove the home directory, as far as meshfleet created it.

The user may have chosen a directory with other content. Only files of this project are removed, identified by name and
content; symbolic links are not followed, at most the link itself is removed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.reporting.output import print_line
from meshfleet.errors import MeshfleetError
from meshfleet.files import read_text, remove_file
from meshfleet.topology.stack_name import name_fault
from meshfleet.workspace.home import remove_directory
from meshfleet.workspace.marker import MARKER, OF_CHARTS, is_fleet, is_home
from meshfleet.workspace.project_folder import OWN_PROJECT

_PICTURE_BYTES = 4 * 1024 * 1024


def remove_home(home: Path) -> list[Path]:
    """Remove the files of meshfleet from a home whose stacks are destroyed, and the home itself if it is empty then.

    Returns the remaining entries. Raises FileError when a file cannot be removed.
    """
    if home.is_symlink():
        left = _remove_contents(home.resolve())
        if not left:
            remove_file(home)
        return left
    return _remove_contents(home) if home.is_dir() else []


def _remove_contents(home: Path) -> list[Path]:
    if not is_home(home):
        return sorted(home.iterdir())
    for path in _ours(home):
        if path.is_symlink() or not path.is_dir():
            remove_file(path)
        else:
            remove_directory(path)
    for path in (home / "fleets", home / "state"):
        _remove_empty(path)
    left = sorted(path for path in home.iterdir() if path.name != MARKER)
    # Without the marker the remaining files would no longer be recognized as created by meshfleet.
    if not any(path.name in ("fleets", "state") for path in left):
        remove_file(home / MARKER)
        _remove_empty(home)
    return left


def _ours(home: Path) -> Iterator[Path]:
    """The entries that meshfleet created, except directories that also contain other files."""
    for fleet in sorted(home.glob("fleets/*")):
        if not name_fault(fleet.name) and (fleet.is_symlink() or is_fleet(fleet)):
            yield fleet
    if not (home / "state").is_symlink():
        yield from _present(home / "state" / ".pulumi")
    if not (home / OWN_PROJECT).is_symlink() and (home / OWN_PROJECT / "Pulumi.yaml").is_file():
        yield home / OWN_PROJECT
    if not (home / "pulumi").is_symlink() and (home / "pulumi" / "plugins").is_dir():
        yield home / "pulumi"
    for name in ("kubectl", "passphrase", "reservations.json", "reservations.lock", "fault.log", "reserve"):
        yield from _present(home / name)
    for name in OF_CHARTS:
        if (home / name).is_symlink():
            yield home / name
    for path in sorted(home.glob("meshfleet-helm-*")):
        yield path
    for path in sorted(home.glob("*.svg")):
        if _is_picture(path):
            yield path


def _present(path: Path) -> Iterator[Path]:
    if path.is_symlink() or path.exists():
        yield path


def _is_picture(path: Path) -> bool:
    """Whether `graph` wrote the file: its title has the stack name, like the file name."""
    if path.is_symlink() or not path.is_file():
        return False
    text = read_text(path, limit=_PICTURE_BYTES) or ""
    return text.lstrip().startswith("<svg") and f">Fleet {path.stem}<" in text


def _remove_empty(directory: Path) -> None:
    try:
        directory.rmdir()
    except OSError:
        # Not empty, a link, or not there.
        return


def main() -> int:
    """Remove the home of this checkout; 1 when it cannot be removed."""
    try:
        checkout = Checkout.here()
        left = remove_home(checkout.home)
        for link in OF_CHARTS:
            # Charts are linked in the project, independently of the home.
            path = checkout.root / ".meshfleet" / link
            if path.is_symlink():
                remove_file(path)
        _remove_empty(checkout.root / ".meshfleet")
    except MeshfleetError as error:
        print_line(f"error: {error}")
        return 1
    if left:
        names = ", ".join(path.name for path in left)
        print_line(f"{checkout.home} was kept, since it contains files that meshfleet did not create: {names}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
