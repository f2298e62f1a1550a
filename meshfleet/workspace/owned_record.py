"""The form of a record in a fleet's directory: its version, whose it is, and values of exactly the types it has.

A value of another type is damage, and is never made into one that fits: as a name of a cluster or a time it would
decide what moves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from meshfleet.errors import FileError, NewerFileError
from meshfleet.files import write_file
from meshfleet.files.json_text import parse_json
from meshfleet.redaction.shown import shown
from meshfleet.workspace.home import Workspace

VERSION = 1


def document_in(text: str) -> dict[str, Any]:
    """The document of a record. Raises NewerFileError, TypeError, KeyError and ValueError, as `read_record` expects."""
    document = mapping(parse_json(text))
    version = document["version"]
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ValueError("no version")
    if version > VERSION:
        raise NewerFileError(f"version {shown(version)}, supported is {VERSION}")
    return document


def require_own(path: Path, document: Mapping[str, Any], workspace: Workspace, advice: str) -> None:
    """Raise FileError for the record of another stack."""
    if document.get("stack") != workspace.fleet:
        raise FileError(f"{path}: is of the stack {shown(document.get('stack'))}; {advice}")


def write_owned(workspace: Workspace, path: Path, content: Mapping[str, Any]) -> None:
    """Write a record of this version. Raises FileError."""
    workspace.claim()
    write_file(path, json.dumps({"version": VERSION, "stack": workspace.fleet, **content}, indent=2) + "\n")


def mapping(value: Any) -> dict[str, Any]:
    """A JSON object. Raises TypeError."""
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value


def text(value: Any) -> str:
    """A text that names something or says when. Raises TypeError, ValueError for one that is empty or not printable."""
    if not isinstance(value, str):
        raise TypeError("no text")
    if not value or not value.isprintable():
        raise ValueError("no name")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """A list of such. Raises as `text` does."""
    if not isinstance(value, list):
        raise TypeError("no list")
    return tuple(map(text, value))
