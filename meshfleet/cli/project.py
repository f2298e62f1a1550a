"""The commands on the project alone, without a cluster.

`validate`, `render` and `placement` read a stack file, `schema` describes it, and `env` sets up the `pulumi` CLI.
"""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.reporting.output import print_json, print_line
from meshfleet.automation.session import open_session
from meshfleet.cli.closed_networks import closed_networks, lines_of
from meshfleet.cli.options import Json, Stack


def render(
    stack: Stack,
    out: Annotated[Path, typer.Option("--out", help="The output directory; created if it does not exist.")],
    json: Json = False,
) -> None:
    """Write the manifests and Helm values of each cluster as YAML, in apply order, without an engine or a cluster."""
    from meshfleet.cli import rendering

    files = rendering.render(open_session(stack, quiet=json).topology)
    rendering.write(files, out)
    if json:
        print_json({"ok": True, "files": list(files)})
    else:
        print_line(f"wrote {len(files)} files to {out}")


def placement(stack: Stack, json: Json = False) -> None:
    """Show where each propagated object goes, why not elsewhere, and what overrides change, without a cluster."""
    from meshfleet.cli.placement import notes_of, placement_lines, placement_of
    from meshfleet.cli.tables import console

    topology = open_session(stack, quiet=json).topology
    objects, notes = placement_of(topology), notes_of(topology)
    if json:
        print_json({"ok": True, "stack": stack, "objects": objects, "notes": notes})
    else:
        for line in placement_lines(objects, notes):
            console.print(line, soft_wrap=True)


def validate(stack: Stack, json: Json = False) -> None:
    """Check the stack file; print one line per error and exit 2 if it is invalid."""
    topology = open_session(stack, quiet=json).topology
    meshes = {mesh: topology.model_of(mesh) for mesh in topology.meshes}
    if json:
        closed = closed_networks(topology)
        told = {"closedNetworks": closed} if closed else {}
        print_json({"ok": True, "clusters": list(topology.clusters), "meshes": meshes, **told})
    else:
        print_line(f"{stack} is valid: {len(topology.clusters)} clusters")
        for mesh, model in meshes.items():
            print_line(f"  {mesh}: {model} ({', '.join(topology.members_of(mesh))})")
            for primary in topology.primaries_of(mesh) if topology.restricts_discovery(mesh) else ():
                print_line(f"    {primary} discovers {', '.join(topology.reads(primary)) or 'no other cluster'}")
        for line in lines_of(topology):
            print_line(f"  {line}")


class Described(StrEnum):
    """The documents with a JSON schema."""

    STATUS = "status"
    STACK = "stack"


def schema(
    of: Annotated[Described, typer.Argument(help="The output of `status --json`, or the stack file.")],
    json: Json = False,
) -> None:
    """Print a JSON schema (draft 2020-12) for editors and programs; the output is JSON with and without --json."""
    from json import dumps

    from meshfleet.status.schema import status_schema
    from meshfleet.topology.schema import stack_schema

    print(dumps(status_schema() if of == Described.STATUS else stack_schema(), indent=2))


def env() -> None:
    """Print the environment variables for the `pulumi` CLI on this project: eval "$(meshfleet env)"."""
    from meshfleet.automation.engine.environment import prepare

    for name, value in prepare(Checkout.here()).variables.items():
        print(f"export {name}={shlex.quote(value)}")
