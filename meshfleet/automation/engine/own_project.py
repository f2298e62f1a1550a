"""The Pulumi project of the package, for a directory with stack files and without a Pulumi.yaml.

The engine requires a directory with a Pulumi.yaml, which declares the project, its configuration and the plugin.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from meshfleet.errors import FileError
from meshfleet.files import make_directory, read_text, write_file
from meshfleet.workspace.project_folder import CODE, FILE

_PLUGIN: Final = "meshfleet/plugins/meshfleet"
_PLACES: Final = (CODE / FILE, CODE / "meshfleet" / FILE)
"""In a checkout, and in an installed package."""


def declare_project(folder: Path) -> None:
    """Write the package's Pulumi.yaml into a folder, with the plugin of this package. Raises FileError."""
    text = project_text()
    if read_text(folder / FILE) != text:
        make_directory(folder)
        write_file(folder / FILE, text)


def project_text() -> str:
    """The Pulumi.yaml of the package, with the absolute path of its plugin. Raises FileError."""
    for place in _PLACES:
        if text := read_text(place):
            return text.replace(f"path: {_PLUGIN}", f"path: {json.dumps(str(CODE / _PLUGIN))}")
    raise FileError(f"{_PLACES[-1]}: is missing; reinstall the package meshfleet")
