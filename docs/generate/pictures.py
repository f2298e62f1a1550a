"""The pictures of the documentation: what `meshfleet graph` draws of a stack that is not up, and a request."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from docs.generate import models
from docs.generate.request_picture import NAME, request_picture
from meshfleet.cli.graph import picture_of
from meshfleet.sources import load
from meshfleet.topology import read_stack_file

PICTURES = {
    "dev.svg": "dev",
    "two-meshes.svg": "examples/two-meshes",
    "virtual-machines.svg": "examples/virtual-machines",
    "machine-network.svg": "examples/machine-network",
    "federation.svg": "examples/federation",
} | models.pictures()


def pictures(root: Path) -> dict[str, Callable[[], str]]:
    """File name to what draws its SVG, of the stacks of the checkout `root`."""
    return {NAME: request_picture} | {name: partial(_drawn, root, stack) for name, stack in PICTURES.items()}


def _drawn(root: Path, stack: str) -> str:
    file = read_stack_file(root / "stacks", stack)
    return picture_of(load(file.stack, file.config), None, {})
