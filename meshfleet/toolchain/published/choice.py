"""Which tools are taken as published and which are built. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from meshfleet.toolchain.extras import Extra
from meshfleet.toolchain.installation import Installation
from meshfleet.toolchain.published.table import Piece, Table, published_version
from meshfleet.toolchain.recipes import Recipe


@dataclass(frozen=True)
class Order:
    """One tool to be taken as published: its release, the pieces of it, and its place."""

    tool: str
    version: str
    pieces: tuple[Piece, ...]
    place: Installation
    texts: Mapping[str, str]


def choose(
    table: Table,
    parts: Iterable[tuple[Recipe | Extra, Installation]],
    silent: Collection[str],
    platform: tuple[str, str],
    versions: Mapping[str, str],
) -> tuple[Order, ...]:
    """Every part that is published and whose publishers respond, which are all but the `silent` ones.

    `versions` is of every tool of the toolchain, whether or not it is among `parts`.
    """
    orders = []
    for part, place in parts:
        version = published_version(part.tool, part.version, versions)
        pieces = table.pieces(part.tool, version, platform)
        if pieces and not any(piece.publishers & set(silent) for piece in pieces):
            texts = {name: text.format(version=part.version) for name, text in part.texts.items()}
            orders.append(Order(part.tool, version, pieces, place, texts))
    return tuple(orders)
