"""The commands `meshfleet vm`: the machines of a running fleet, and the bundles that new ones are set up with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automation.answers import answer, say, told
from automation.options import Json, Stack
from automation.session import open_session

vm = typer.Typer(no_args_is_help=True, help="The virtual machines of a mesh: which there are, and how new ones join.")


@vm.command("list")
def list_machines(stack: Stack, json: Json = False) -> None:
    """Show the groups of machines, and which machines of each have registered themselves."""
    from automation.registered_machines import registered_machines
    from automation.tables import machines_table

    with told(json):
        found = registered_machines(open_session(stack, quiet=json).status())
        if json:
            answer({"ok": True, "stack": stack, "virtualMachines": found})
        else:
            machines_table(found)


@vm.command()
def bundle(
    name: Annotated[str, typer.Argument(help="The machines, by their name in virtualMachines.")],
    stack: Stack,
    out: Annotated[Path, typer.Option("--out", help="The folder to write to; made if it is not there.")],
    address: Annotated[
        str, typer.Option("--address", help="The machine's own address, where several are declared or it has several.")
    ] = "",
    gateway: Annotated[
        str, typer.Option("--gateway", help="The gateway's IP address, where its name is not known here.")
    ] = "",
    revision: Annotated[
        str, typer.Option("--revision", help="The revision of Istio to join, where several are side by side.")
    ] = "",
    cloud_init: Annotated[
        bool, typer.Option("--cloud-init", help="Write user-data.yaml too, which sets a new machine up by itself.")
    ] = False,
    package: Annotated[
        str, typer.Option("--package", help="With --cloud-init: the https URL of istio-sidecar.deb or .rpm.")
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder that holds something, over an earlier bundle.")
    ] = False,
    json: Json = False,
) -> None:
    """Write the files with which a machine joins the mesh, with a token that is good for its first start."""
    from automation import machine_bundle

    with told(json):
        session = open_session(stack, quiet=json)
        wanted = machine_bundle.Wanted(name, address, gateway, revision, package, cloud_init)
        # All that is wrong with what was asked for comes before anything is asked.
        address = machine_bundle.checked(session.topology, wanted)
        machine_bundle.refuse_filled(out, force=force)
        made = machine_bundle.make(session.topology, wanted, address, session.status())
        files = machine_bundle.write(made, out)
        if json:
            paths = [str(path) for path in files]
            answer({"ok": True, "stack": stack, "name": name, "files": paths, "tokenExpires": made.token_expires})
        else:
            todo = "start a machine with user-data.yaml" if cloud_init else "copy them to the machine, install them"
            say(
                f"{len(files)} files for {name} are in {out}, the token is good until {made.token_expires}: {todo} "
                "and start istio there (docs/virtual-machines.md)"
            )
