"""The commands `meshfleet vm`: registered machines, bundles for new machines, and machines on this host."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meshfleet.automation.reporting.output import print_json, print_line
from meshfleet.automation.session import open_session
from meshfleet.cli.options import Json, Stack

vm = typer.Typer(
    no_args_is_help=True,
    help="List virtual machines of a mesh, write bundles for new ones, and run them on this machine.",
)


@vm.command("list")
def list_machines(stack: Stack, json: Json = False) -> None:
    """Show the declared groups of virtual machines and the registered machines of each."""
    from meshfleet.automation.identities import require_one
    from meshfleet.cli.tables import machines_table
    from meshfleet.virtual_machines.registered_machines import registered_machines

    session = open_session(stack, quiet=json)
    status = session.status()
    require_one(session, status)
    found = registered_machines(status)
    if json:
        print_json({"ok": True, "stack": stack, "virtualMachines": found})
    else:
        machines_table(found)


@vm.command()
def bundle(
    name: Annotated[str, typer.Argument(help="The name of the group in virtualMachines.")],
    stack: Stack,
    out: Annotated[Path, typer.Option("--out", help="The output directory; created if it does not exist.")],
    address: Annotated[
        str, typer.Option("--address", help="The IP address of the machine, if several are declared or it has several.")
    ] = "",
    gateway: Annotated[
        str,
        typer.Option(
            "--gateway", help="The IP address of the gateway, if its host name does not resolve on this machine."
        ),
    ] = "",
    revision: Annotated[
        str, typer.Option("--revision", help="The Istio revision to join, if several are installed.")
    ] = "",
    cloud_init: Annotated[
        bool,
        typer.Option("--cloud-init", help="Also write user-data.yaml, which sets up a new machine with cloud-init."),
    ] = False,
    package: Annotated[
        str, typer.Option("--package", help="With --cloud-init: the https URL of istio-sidecar.deb or .rpm.")
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Write into a directory that is not empty, replacing an earlier bundle.")
    ] = False,
    json: Json = False,
) -> None:
    """Write the files with which a virtual machine joins the mesh, with a token for its first start."""
    from meshfleet.automation.identities import require_one
    from meshfleet.virtual_machines import bundles as machine_bundle

    session = open_session(stack, quiet=json)
    wanted = machine_bundle.Wanted(name, address, gateway, revision, package, cloud_init)
    # Validate all options before any request.
    address = machine_bundle.checked(session.topology, wanted)
    machine_bundle.refuse_filled(out, force=force)
    status = session.status()
    require_one(session, status)
    created = machine_bundle.make(session.topology, wanted, address, status)
    files = machine_bundle.write(created, out)
    if json:
        paths = [str(path) for path in files]
        print_json({"ok": True, "stack": stack, "name": name, "files": paths, "tokenExpires": created.token_expires})
    else:
        todo = "start a machine with user-data.yaml" if cloud_init else "copy them to the machine, install them"
        print_line(
            f"wrote {len(files)} files for {name} to {out}; the token is valid until {created.token_expires}: {todo} "
            "and start istio there (docs/virtual-machines.md)"
        )


@vm.command()
def start(
    name: Annotated[str, typer.Argument(help="The name of the group in virtualMachines.")],
    stack: Stack,
    bundle: Annotated[
        str, typer.Option("--bundle", help="The directory of the bundle to start from. Default: a new bundle.")
    ] = "",
    address: Annotated[
        str, typer.Option("--address", help="The address of the machine on its network. Default: a free address.")
    ] = "",
    json: Json = False,
) -> None:
    """Start a virtual machine in a network namespace of this machine, and wait until it has joined; requires root."""
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
        print_json({"ok": True, "stack": stack, "name": name, **found, "seconds": round(started.seconds, 3)})
    else:
        print_line(
            f"{name} joined the mesh as {started.entry} in {started.seconds:.1f} s; enter it with "
            f"ip netns exec {started.machine.namespace}; its agent logs to {started.machine.log}"
        )


@vm.command()
def stop(
    name: Annotated[str, typer.Argument(help="The name of the group in virtualMachines.")],
    stack: Stack,
    address: Annotated[
        str, typer.Option("--address", help="The address of the machine to stop. Default: all machines of the group.")
    ] = "",
    json: Json = False,
) -> None:
    """Stop virtual machines on this machine and remove their files; istiod removes their entries seconds later."""
    from meshfleet.virtual_machines.local_machines import stop as stop_here
    from meshfleet.workspace.home import Workspace

    session = open_session(stack, quiet=json)
    with session.working("vm stop"):
        stopped = stop_here(session.topology, Workspace(session.file.stack, session.checkout.home), name, address)
    if json:
        print_json({"ok": True, "stack": stack, "name": name, "stopped": stopped})
    else:
        print_line(f"stopped {', '.join(stopped)}" if stopped else f"no machine of {name} runs here")
