"""What a node agent is told: its network and its addresses, kept in its folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from embedded.network.node_network import NodeNetwork
from topology.errors import EmbeddedError
from topology.files import write_file


def write_node(directory: Path, node: NodeNetwork) -> None:
    """Keep it. Raises EmbeddedError."""
    write_file(directory / "node.json", json.dumps(asdict(node), sort_keys=True))


def known_node(directory: Path) -> NodeNetwork | None:
    """The one kept there; None where there is none yet. Raises EmbeddedError for one that cannot be read."""
    return read_node(directory) if (directory / "node.json").exists() else None


def read_node(directory: Path) -> NodeNetwork:
    """The one kept there. Raises EmbeddedError when there is none."""
    path = directory / "node.json"
    try:
        return NodeNetwork(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise EmbeddedError(f"{path}: no node is described there ({error}); run up again") from error
