"""Reservations as they are kept in a file: owner → name → port, and owner → address. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from meshfleet.errors import NewerFileError
from meshfleet.files.json_text import parse_json

VERSION: Final = 1
COPY: Final = "reservations.json"
"""The name of the copy of its own part in a fleet's directory."""
ADVICE: Final = "remove that file: the next command rebuilds it from the directories of the fleets"

Ports = dict[str, dict[str, int]]
Addresses = dict[str, str]


def dump(ports: Mapping[str, Mapping[str, int]], addresses: Mapping[str, str]) -> str:
    """The text of the file."""
    content = {"version": VERSION, "ports": ports, "addresses": addresses}
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def load(text: str) -> tuple[Ports, Addresses]:
    """The inverse of `dump`; earlier versions wrote no version.

    Raises ValueError, KeyError, AttributeError or TypeError when the text is damaged, NewerFileError.
    """
    content = parse_json(text)
    version = content.get("version", 0)
    if version > VERSION:
        raise NewerFileError(f"version {version}, this one knows {VERSION}")
    ports = {
        str(owner): {str(name): int(port) for name, port in taken.items()} for owner, taken in content["ports"].items()
    }
    return ports, {str(owner): str(address) for owner, address in content["addresses"].items()}
