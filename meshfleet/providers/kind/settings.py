"""The settings of a kind cluster."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from meshfleet.providers.base import Settings


class Kind(Settings):
    """A kind cluster on this machine. Declared for the future; refused today."""

    summary: ClassVar[str] = "a kind cluster on this machine"

    nodes: Annotated[int, Field(ge=1, le=100)] = 1
    """How many nodes the cluster has."""
