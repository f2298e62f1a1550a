"""The record of a node or a machine of the data plane, as JSON in a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, TypeVar

from meshfleet.errors import NewerFileError
from meshfleet.files.json_text import parse_json

VERSION: Final = 1
_Record = TypeVar("_Record")


def dump(record: Mapping[str, Any]) -> str:
    """The text of a record."""
    return json.dumps({"version": VERSION, **record}, sort_keys=True) + "\n"


def load(text: str, kind: type[_Record]) -> _Record:
    """The inverse of `dump` for a dataclass of texts and mappings of texts; earlier versions wrote no version.

    Raises ValueError, TypeError or AttributeError when the text is damaged, NewerFileError.
    """
    content = parse_json(text)
    version = content.pop("version", 0)
    unknown = sorted(set(content) - {field.name for field in fields(kind)})  # type: ignore[arg-type] # a dataclass
    if version > VERSION or unknown:
        raise NewerFileError(f"field {unknown[0]}" if unknown else f"version {version}, this one knows {VERSION}")
    for value in content.values():
        texts = [*value.keys(), *value.values()] if isinstance(value, dict) else [value]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a field is not a string")
    return kind(**content)
