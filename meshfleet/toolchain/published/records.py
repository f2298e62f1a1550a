"""The lock files of published programs: what was seen of each file when its digest was first checked.

`published.lock` of this project holds for everyone. What it does not have, a user's own in the cache records at the
first download, whose digest is the publisher's over TLS; from then on other contents are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from meshfleet.errors import FileError, NewerFileError, ToolchainError
from meshfleet.files import make_directory, read_record, write_file
from meshfleet.files.json_text import parse_json

PROJECT_LOCK: Final = Path(__file__).with_name("published.lock")
SCHEMA: Final = 1
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Record:
    """One published file, or of an image its index: whose it is, from where, bytes and SHA-256."""

    name: str
    version: str
    source: str
    size: int
    sha256: str


Records = Mapping[str, Record]
"""`Piece.id` → what was seen."""


def parse_records(text: str) -> dict[str, Record]:
    """The records of a lock file. Raises ValueError, TypeError or KeyError for a damaged one, NewerFileError."""
    found = parse_json(text)
    if not isinstance(found["schema"], int):
        raise TypeError("schema")
    if found["schema"] > SCHEMA:
        raise NewerFileError(f"schema {found['schema']}")
    return {str(name): _record(fields) for name, fields in found["files"].items()}


def write_records(records: Records) -> str:
    """The text of a lock file."""
    files = {name: asdict(records[name]) for name in sorted(records)}
    return json.dumps({"schema": SCHEMA, "files": files}, indent=1) + "\n"


def read_records(path: Path) -> dict[str, Record]:
    """The records in a file; none when there is no file. Raises ToolchainError."""
    try:
        return read_record(path, parse_records, "remove it: digests are then those of the publishers again") or {}
    except FileError as error:
        raise ToolchainError(str(error)) from error


def keep_records(path: Path, records: Records) -> None:
    """Add records to a file. Only for the holder of the builders' lock. Raises ToolchainError."""
    try:
        make_directory(path.parent)
        write_file(path, write_records({**read_records(path), **records}), mode=0o644)
    except FileError as error:
        raise ToolchainError(str(error)) from error


def _record(fields: Mapping[str, Any]) -> Record:
    found = Record(**fields)
    texts = (found.name, found.version, found.source, found.sha256)
    if not all(isinstance(text, str) for text in texts) or not _SHA256.fullmatch(found.sha256):
        raise ValueError("not a record")
    if not isinstance(found.size, int) or found.size < 0:
        raise ValueError("not a size")
    return found
