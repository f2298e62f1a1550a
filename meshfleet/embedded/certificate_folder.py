"""The folder of certificates that an istiod watches, changed as a whole as the kubelet changes a mounted Secret.

    certificates/
      ca-cert.pem -> ..data/ca-cert.pem     and so on, for each file
      ..data -> ..k3v9x2w1                  replaced by a rename, which is the moment of the change
      ..k3v9x2w1/                           the files themselves

An istiod reads its folder a tenth of a second after something was made in it (pilot/pkg/bootstrap/istio_ca.go). Files
that are replaced one by one may then be of two authorities, which it refuses until it looks again.
Source: https://pkg.go.dev/k8s.io/kubernetes/pkg/volume/util#AtomicWriter
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from meshfleet.errors import FileError
from meshfleet.files import file_error, make_directory, read_text, write_file

_CURRENT: Final = "..data"


def read_files(folder: Path) -> dict[str, str]:
    """File name → content of what is there; empty when there is nothing, or nothing that can be read."""
    try:
        names = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
        # Each name is a link within the folder.
        found = {name: read_text(folder / name, follow=True) for name in names}
    except (OSError, FileError):
        return {}
    return {name: text for name, text in found.items() if text is not None}


def replace_files(folder: Path, files: Mapping[str, str]) -> None:
    """Make these all of the files, at one moment, readable by the owner only.

    Watchers of the folder are notified even when the contents are the same. Raises EmbeddedError.
    """
    make_directory(folder)
    try:
        # Made by mkdtemp with mode 0700.
        version = Path(tempfile.mkdtemp(dir=folder, prefix=".."))
        for name, content in files.items():
            write_file(version / name, content)
        _point(folder / _CURRENT, version.name)
        for name in files:
            _point(folder / name, f"{_CURRENT}/{name}")
        for other in folder.iterdir():
            if other.name not in {*files, _CURRENT, version.name}:
                _remove(other)
    except OSError as error:
        raise file_error(folder, error) from error


def _point(link: Path, target: str) -> None:
    """Make a symbolic link, or lead one that is there elsewhere, without a moment in between."""
    if link.is_symlink() and os.readlink(link) == target:
        return
    new = link.with_name(f"{_CURRENT}_new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
