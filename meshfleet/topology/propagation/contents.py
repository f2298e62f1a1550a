"""What the sources of propagations hold, once they are read and rendered; made outside of the pure core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshfleet.errors.faults import Fault


@dataclass(frozen=True)
class Found:
    """An object of a source. `place` is where it stands in it, such as `manifests/web.yaml:12`."""

    place: str
    body: dict[str, Any]


@dataclass(frozen=True)
class Content:
    """What one entry of `resources` stands for: objects in order, what is wrong, and what is left out, in words."""

    objects: tuple[Found, ...] = ()
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


Contents = Mapping[tuple[str, int], Content]
"""The content of each entry that is no object itself, by its propagation and its position in `resources`."""


def entry_path(propagation: str, position: int, key: str) -> str:
    """Where an entry stands in the stack file; `key` is the kind of its source."""
    return f"propagations.{propagation}.resources[{position}].{key}"
