"""The commands `meshfleet vm`: machines of a running fleet, bundles that new ones are set up with, machines here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meshfleet.automation.reporting.output import answer, say
from meshfleet.automation.session import open_session
from meshfleet.cli.options import Json, Stack

vm = typer.Typer(no_args_is_help=True, help="The virtual machines of a mesh: which there are, and how new ones join.")


@vm.command("list")
def list_machines(stack: Stack, json: Json = False) -> None:
    """Show the groups of machines, and which machines of each have registered themselves."""
    from meshfleet.automation.identities import require_one
    from meshfleet.cli.tables import machines_table
    from meshfleet.virtual_machines.registered_machines import registered_machines

    session = open_session(stack, quiet=json)
    status = session.status()
    require_one(session, status)
    found = registered_machines(status)
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
    from meshfleet.automation.identities import require_one
    from meshfleet.virtual_machines import bundles as machine_bundle

    session = open_session(stack, quiet=json)
    wanted = machine_bundle.Wanted(name, address, gateway, revision, package, cloud_init)
    # All that is wrong with what was asked for comes before anything is asked.
    address = machine_bundle.checked(session.topology, wanted)
    machine_bundle.refuse_filled(out, force=force)
    status = session.status()
    require_one(session, status)
    made = machine_bundle.make(session.topology, wanted, address, status)
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


@vm.command()
def start(
    name: Annotated[str, typer.Argument(help="The machines, by their name in virtualMachines.")],
    stack: Stack,
    bundle: Annotated[
        str, typer.Option("--bundle", help="The folder of the bundle to start from; a new one when left out.")
    ] = "",
    address: Annotated[
        str, typer.Option("--address", help="The machine's own address on its network; a free one when left out.")
    ] = "",
    json: Json = False,
) -> None:
    """Start a machine on this one, in a network namespace, and wait until the mesh has it; needs root."""
    from meshfleet.automation.identities import require_one
    from meshfleet.virtual_machines.local_machines import start as start_here
    from meshfleet.workspace.home import Workspace

    session = open_session(stack, quiet=json)
    status = session.status()
    require_one(session, status)
    workspace = Workspace(session.file.stack, session.checkout.home)
    with session.working("vm start"):
        started = start_here(session.topology, workspace, status, name, address, bundle)
    if json:
        found = {"entry": started.entry, "address": started.address, "namespace": started.machine.namespace}
        answer({"ok": True, "stack": stack, "name": name, **found, "seconds": round(started.seconds, 3)})
    else:
        say(
            f"{name} is in the mesh as {started.entry} after {started.seconds:.1f} s; enter it with "
            f"ip netns exec {started.machine.namespace}, its agent writes to {started.machine.log}"
        )


@vm.command()
def stop(
    name: Annotated[str, typer.Argument(help="The machines, by their name in virtualMachines.")],
    stack: Stack,
    address: Annotated[
        str, typer.Option("--address", help="The address of the one to stop; all of that name when left out.")
    ] = "",
    json: Json = False,
) -> None:
    """Stop machines that run on this one, and remove all there is of them; istiod forgets them seconds later."""
    from meshfleet.virtual_machines.local_machines import stop as stop_here
    from meshfleet.workspace.home import Workspace

    session = open_session(stack, quiet=json)
    with session.working("vm stop"):
        stopped = stop_here(session.topology, Workspace(session.file.stack, session.checkout.home), name, address)
    if json:
        answer({"ok": True, "stack": stack, "name": name, "stopped": stopped})
    else:
        say(f"stopped {', '.join(stopped)}" if stopped else f"no machine {name} runs here")
