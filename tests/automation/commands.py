"""Every command there is, by the words that are typed."""

from __future__ import annotations

import typer.main
from typer.core import TyperCommand, TyperGroup

from meshfleet.cli.command import app


def commands() -> dict[str, TyperCommand]:
    """Each command; those within another one's group with its name before theirs, as in `vm list`."""
    return _within(typer.main.get_group(app))


def _within(group: TyperGroup, before: str = "") -> dict[str, TyperCommand]:
    found: dict[str, TyperCommand] = {}
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            found |= _within(command, f"{name} ")
        else:
            assert isinstance(command, TyperCommand)
            found[f"{before}{name}"] = command
    return found
