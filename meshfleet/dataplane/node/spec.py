"""What a node agent is told: its network and its addresses, kept in its folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from meshfleet.dataplane.network.node_network import NodeNetwork, nodes
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.network.record import dump, load
from meshfleet.errors import EmbeddedError, FileError, NewerFileError
from meshfleet.files import read_record, write_file


def write_node(directory: Path, node: NodeNetwork) -> None:
    """Keep it. Raises FileError."""
    write_file(directory / "node.json", dump(asdict(node)))


def known_node(directory: Path, place: Place) -> NodeNetwork | None:
    """The one kept there; where that is lost or damaged, what the node says of itself to others; None for neither.

    Raises NewerFileError.
    """
    try:
        kept = read_node(directory) if (directory / "node.json").exists() else None
    except NewerFileError:
        raise
    except FileError:
        kept = None
    return kept or next((node for node in nodes(place) if node.cluster == directory.name), None)


def read_node(directory: Path) -> NodeNetwork:
    """The one kept there. Raises EmbeddedError when there is none, FileError when it is damaged."""
    path = directory / "node.json"
    node = read_record(
        path, lambda text: load(text, NodeNetwork), "remove that file and run meshfleet up, which writes it again"
    )
    if node is None:
        raise EmbeddedError(f"{path}: no node is described there; run up again")
    return node
