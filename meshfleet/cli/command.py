"""The `meshfleet` CLI: its commands in the order of `meshfleet --help`, and the options before a command.

Each command parses its options, runs one operation and prints the result.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from meshfleet import __version__
from meshfleet.cli.command_group import CommandGroup
from meshfleet.cli.deployment import destroy, preview, up
from meshfleet.cli.identities import kubeconfig, who_can
from meshfleet.cli.inspection import collect, drift, graph, status, verify
from meshfleet.cli.project import env, placement, render, schema, validate
from meshfleet.cli.reconcile import reconcile
from meshfleet.cli.virtual_machines import vm
from meshfleet.workspace.project_folder import VARIABLE

# Imports of a single command are local to its function, so that they do not slow down the start of every other command.
app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Deploy and verify a fleet of Kubernetes clusters and Istio meshes with Pulumi.",
    epilog="Exit codes: 0 success, 1 failure (the error message includes the action to take), 2 invalid stack file or "
    "command line, 3 drift detected, 130 interrupted.",
)
app.add_typer(vm, name="vm")
app.command()(reconcile)
app.command()(up)
app.command()(preview)
app.command()(verify)
app.command()(status)
app.command()(drift)
app.command()(destroy)
app.command()(render)
app.command()(placement)
app.command()(kubeconfig)
app.command("who-can")(who_can)
app.command()(validate)
app.command()(graph)
app.command()(collect)
app.command()(schema)
app.command()(env)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def command(
    project: Annotated[
        str | None,
        typer.Option(
            help="The project directory with the stack files. Default: the nearest parent directory with the "
            "Pulumi.yaml of this project, else the current directory.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Select the project before the command runs."""
    if project is not None:
        # Plugins and node agents are separate processes and read the same variable.
        if not project:
            raise typer.BadParameter(
                "must not be empty; pass the directory with the stack files", param_hint="--project"
            )
        os.environ[VARIABLE] = os.path.abspath(os.path.expanduser(project))
