"""By what a kind cluster is known as ours, and where its nodes are: a small file in its directory of the fleet.

The mark of a cluster, a word that no other has, is mounted in each of its containers; it is there from the moment the
container is, so that what a killed run has left is known too. A cluster without it is never touched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Final

from meshfleet.errors import NewerFileError
from meshfleet.files import make_directory, read_record, write_file
from meshfleet.files.json_text import parse_json
from meshfleet.kind.packets import NodePlace

VERSION: Final = 1
RECORD: Final = "cluster.json"
_MARK: Final = "mark"
_ADVICE: Final = "remove that file and run meshfleet up again, which takes the mark from the state"


@dataclass(frozen=True)
class KindRecord:
    """`nonce` is the mark; `network` that of the stack file; `socket` that of the engine, empty for the default.

    `nodes` and `started`, when each container was started, are empty until the cluster is complete.
    """

    nonce: str
    network: str
    socket: str
    built: bool
    nodes: tuple[NodePlace, ...] = ()
    started: Mapping[str, str] = field(default_factory=dict)


def new_nonce() -> str:
    """A mark for a new cluster."""
    return token_hex(8)


def mark_of(directory: Path) -> Path:
    """The directory that is mounted in the nodes, made if absent. Raises FileError."""
    return make_directory(directory / _MARK)


def write(directory: Path, record: KindRecord) -> None:
    """Keep the record of the cluster in a directory, which is there. Raises FileError."""
    write_file(directory / RECORD, json.dumps({"version": VERSION, **asdict(record)}, indent=1) + "\n")


def read(directory: Path) -> KindRecord | None:
    """The record in a directory; None when there is none. Raises FileError, NewerFileError."""
    return read_record(directory / RECORD, _parse, _ADVICE)


def _parse(text: str) -> KindRecord:
    content = parse_json(text)
    version = content.pop("version")
    if version > VERSION:
        raise NewerFileError(f"version {version}, this one knows {VERSION}")
    content["nodes"] = tuple(NodePlace(**node) for node in content["nodes"])
    found = KindRecord(**content)
    texts = [found.nonce, found.network, found.socket]
    texts += [text for node in found.nodes for text in (node.container, node.address, node.pods)]
    if not found.nonce or not all(isinstance(text, str) for text in texts) or not isinstance(found.started, dict):
        raise ValueError("a field is of another type")
    return found
