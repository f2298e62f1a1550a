"""The commands of the `meshfleet` CLI: each parses its options, runs one operation and prints the result."""

from __future__ import annotations

import os
import shlex
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from meshfleet import __version__
from meshfleet.automation.checkout import Checkout
from meshfleet.automation.fleet_status import drop_kubeconfigs
from meshfleet.automation.orphans import report_orphans
from meshfleet.automation.reporting.changes import counted
from meshfleet.automation.reporting.failures import DRIFTED, FAILED
from meshfleet.automation.reporting.output import exit_with, print_json, print_line
from meshfleet.automation.session import open_session
from meshfleet.automation.staged_up import run_stages
from meshfleet.cli.closed_networks import closed_networks, lines_of
from meshfleet.cli.command_group import CommandGroup
from meshfleet.cli.identities import kubeconfig, who_can
from meshfleet.cli.options import Json, Stack
from meshfleet.cli.reconcile import reconcile
from meshfleet.cli.virtual_machines import vm
from meshfleet.files import make_directory, write_file
from meshfleet.workspace.project_folder import VARIABLE

NO_DRIFT = "no drift: the fleet matches the stack"

# Imports of a single command are local to it, so that they do not slow down the start of every other command.
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


RestoreState = Annotated[
    bool,
    typer.Option("--restore-state", help="Restore the newest intact backup if the state file is damaged or missing."),
]

Forget = Annotated[
    list[str] | None,
    typer.Option(
        "--forget", help="Drop a permanently lost cluster from the state without connecting to it. Repeatable."
    ),
]


Host = Annotated[
    str,
    typer.Option(
        "--host", help="Make this cluster the host, whatever the stack file says, as when its host is lost for good."
    ),
]


@app.command()
def up(
    stack: Stack,
    json: Json = False,
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Refresh the state first, and repair the drift that `meshfleet drift` reports."),
    ] = False,
    forget: Forget = None,
    restore_state: RestoreState = False,
    host: Host = "",
) -> None:
    """Deploy or update the fleet to match the stack file; unchanged resources are not modified.

    A change that would interrupt the mesh if made at once is rolled out in stages.
    """
    from meshfleet.automation import forgetting
    from meshfleet.automation.evicted_shares import lines_of as evicted
    from meshfleet.automation.preflight import prepare_up
    from meshfleet.automation.runtime_drift import after_up

    start = time.monotonic()
    session = open_session(stack, quiet=json, host=host) if host else open_session(stack, quiet=json)
    with session.working("up", restore_state=restore_state):
        forgotten = prepare_up(session, forget or ())
        session.engine.initialise()
        completed = run_stages(session, session.stages(), refresh=refresh)
        forgetting.done(session.checkout, session.file.stack)
        drop_kubeconfigs(session.checkout, session.file.stack, session.topology.clusters)
        restarts = after_up(session, [change for one in completed for change in one.record.changes])
    report_orphans(session.checkout, session.file.stack)
    if host and host != session.file.config.get("host"):
        print_line(f"the host is {host} by --host; write `meshfleet:host: {host}` into {session.file.path.name}")
    seconds = round(time.monotonic() - start, 1)
    changes = counted(change for one in completed for change in one.record.changes)
    if json:
        dropped = {"forgotten": forgotten} if forgotten else {}
        staged = {"stages": [one.as_json() for one in completed]} if completed[0].stage.name else {}
        pending = {"restarts": restarts} if restarts else {}
        pending |= {"evicted": away} if (away := [*evicted(session.topology)]) else {}
        paused = {"paused": list(completed[-1].stage.pauses)} if completed[-1].stage.pauses else {}
        result = {"ok": True, "stack": stack, **dropped, **staged, **paused, "changes": changes, **pending}
        result["seconds"] = seconds
        print_json(result)
    else:
        done = ", ".join(f"{count} {kind}" for kind, count in changes.items())
        for line in (*restarts, *evicted(session.topology)):
            print_line(line)
        print_line(f"{stack} is up in {seconds} s: {done or 'no changes'}")


@app.command()
def preview(
    stack: Stack,
    json: Json = False,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Exit 1 if `up` would make changes.")
    ] = False,
) -> None:
    """Show the changes that `up` would make, without making them."""
    from meshfleet.automation.preflight import check_preconditions
    from meshfleet.automation.recreation import preview_engine
    from meshfleet.automation.taking_over import what_is_there
    from meshfleet.cli.tables import changes_table

    session = open_session(stack, quiet=json)
    with session.working("preview"):
        recreated = check_preconditions(session).recreated
        session.engine.initialise()
        stages = session.stages()
        named = [stage.name for stage in stages if stage.name]
        with preview_engine(session.engine, recreated) as engine:
            fleet = stages[0].fleet if named or session.overridden else None
            held = {"exclude": list(stages[0].held)} if stages[0].held else {}
            record = session.run("preview", f"preview {stack}", stage=fleet, on=engine, **held)
        in_place = what_is_there(session, stages[0])
    if json:
        replaced = {"recreated": list(recreated)} if recreated else {}
        staged = {"stages": named} if named else {}
        changed = [str(change) for change in record.changes]
        print_json({"ok": True, "stack": stack, **replaced, **staged, "changes": changed, **in_place})
    else:
        for sentence in recreated.values():
            print_line(sentence)
        for number, name in enumerate(named, start=1):
            print_line(f"stage {number} of {len(named)}: {name}")
        if named:
            print_line(
                "up waits between stages until every cluster has completed the stage; these are the changes of stage 1"
            )
        changes_table(record.changes, "no changes")
        for line in (*in_place.get("takenOver", ()), *in_place.get("refused", ()), *lines_of(session.topology)):
            print_line(line)
    if expect_no_changes and (record.changes or len(named) > 1):
        exit_with(FAILED)


@app.command()
def verify(
    stack: Stack,
    json: Json = False,
    seconds: Annotated[float, typer.Option(min=1, help="Timeout of each check in seconds.")] = 30,
    check: Annotated[list[str] | None, typer.Option(help="Run only this check. Repeatable.")] = None,
) -> None:
    """Run checks on the running fleet: live queries of istiod, the API servers and istioctl."""
    from meshfleet.automation.identities import identities_in, require_recorded
    from meshfleet.cli.graph import keep_verdicts
    from meshfleet.cli.next_steps import after_verify
    from meshfleet.cli.tables import checks_table, show_result
    from meshfleet.verification import read_fleet, run
    from meshfleet.verification.checks import ALL, named
    from meshfleet.verification.propagated_view import propagated_views

    selected = named(check) if check else ALL
    session = open_session(stack, quiet=json)
    status = session.status()
    decisions = require_recorded(session, identities_in(status))
    propagated = propagated_views(session.topology)
    home, declared = session.checkout.home, session.topology
    view = read_fleet(status, session.environment.tools, home, decisions, propagated, declared)
    report = run(view, selected, on_result=None if json else show_result, timeout=seconds)
    if not check:
        # The diagram shows the results of complete runs only.
        keep_verdicts(session.checkout.fleet(session.file.stack), report)
    steps = after_verify(stack, [one.detail for one in report.failed])
    if json:
        print_json(report.as_json() | ({"next": steps} if steps else {}))
    else:
        checks_table(report)
        for line in steps:
            print_line(line)
    if not report.ok:
        exit_with(FAILED)


@app.command()
def status(
    stack: Stack,
    json: Json = False,
    federation: Annotated[
        bool,
        typer.Option("--federation", help="Ask every cluster how the propagated objects fare that are placed there."),
    ] = False,
) -> None:
    """Show clusters, meshes, gateway addresses and kubeconfig paths."""
    from meshfleet.automation.evicted_shares import lines_of as evicted
    from meshfleet.automation.portal_readiness import with_readiness
    from meshfleet.cli.tables import status_table

    session = open_session(stack, quiet=json)
    found = session.status()
    if federation:
        from meshfleet.automation.federation_status import with_health
        from meshfleet.verification import read_fleet

        found = with_health(found, session.topology, read_fleet(found, session.environment.tools))
    found = with_readiness(found)
    report_orphans(session.checkout, session.file.stack)
    if json:
        print_json(found.document())
    elif federation:
        from meshfleet.cli.federation_table import federation_lines
        from meshfleet.cli.tables import console

        for line in federation_lines(found):
            console.print(line, soft_wrap=True)
    else:
        status_table(found)
        for line in evicted(session.topology):
            print_line(line)


@app.command()
def drift(stack: Stack, json: Json = False) -> None:
    """Compare the running fleet with the stack; list differences and exit 3 if there are any."""
    from meshfleet.automation.identities import identities_in, recreated, require_recorded
    from meshfleet.automation.runtime_drift import runtime_drift, unreachable
    from meshfleet.cli.next_steps import after_drift
    from meshfleet.cli.tables import changes_table

    session = open_session(stack, quiet=json)
    with session.working("drift"):
        status = session.status()
        replaced = recreated(require_recorded(session, identities_in(status)))
        record, unread = session.compare(f"drift {stack}")
        stale = runtime_drift(session, status, unreachable(record, unread))
    changes = [str(change) for change in record.changes]
    steps = after_drift(stack, changes, unread)
    if json:
        found = [*replaced.values(), *changes, *unread, *stale]
        print_json({"ok": not found, "stack": stack, "drift": found, **({"next": steps} if steps else {})})
    else:
        for sentence in replaced.values():
            print_line(f"{sentence} by meshfleet up --stack {stack}")
        clean = "the resources of the fleet match the stack" if stale or replaced else NO_DRIFT
        changes_table(record.changes, clean)
        for line in (*unread, *stale, *steps):
            print_line(line)
    if record.changes or stale or replaced:
        exit_with(DRIFTED)


@app.command()
def destroy(
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack to destroy.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Destroy every stack of this project.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    forget: Forget = None,
    restore_state: RestoreState = False,
    json: Json = False,
) -> None:
    """Remove all resources of the stack: objects, processes, files and the stack itself."""
    from meshfleet.automation import destruction

    checkout = Checkout.here()
    stacks = destruction.stacks_of(checkout) if every else (stack,)
    if every and stack:
        raise typer.BadParameter("--all and --stack cannot be combined; pass one of them")
    if not every:
        # Before the confirmation prompt.
        destruction.named(checkout, stack)
    if every and forget:
        raise typer.BadParameter("--forget and --all cannot be combined; pass --stack")
    if stacks and not yes:
        typer.confirm(f"Destroy {', '.join(stacks)} and all of their resources?", abort=True, err=True)
    removed = destruction.destroy_each(
        stacks,
        lambda name: destruction.destroy(checkout, name, quiet=json, forget=forget or (), restore_state=restore_state),
    )
    if json:
        print_json({"ok": True, "removed": [name for name in removed if name]})
    else:
        print_line(f"removed {', '.join(name for name in removed if name)}" if any(removed) else "nothing to destroy")


@app.command()
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


@app.command()
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


app.command()(kubeconfig)
app.command("who-can")(who_can)


@app.command()
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


@app.command()
def graph(
    stack: Stack,
    out: Annotated[Path | None, typer.Option("--out", help="The SVG file to write.")] = None,
    json: Json = False,
) -> None:
    """Draw clusters, networks, control planes, gateways and trust domains as SVG."""
    from meshfleet.cli.graph import last_verdicts, picture_of

    session = open_session(stack, quiet=json)
    folder = session.checkout.fleet(session.file.stack)
    deployed = session.checkout.state.exists() and session.engine.exists()
    known = session.status() if deployed else None
    path = out or session.checkout.picture(session.file.stack)
    make_directory(path.parent)
    write_file(path, picture_of(session.topology, known, last_verdicts(folder) if known else {}))
    if json:
        print_json({"ok": True, "file": str(path)})
    else:
        print_line(f"wrote the diagram to {path}")


@app.command()
def collect(
    stack: Stack,
    out: Annotated[Path, typer.Option("--out", help="The archive to write (.tar.gz).")],
    seconds: Annotated[float, typer.Option(min=1, help="Timeout of each check and each request in seconds.")] = 10,
    json: Json = False,
) -> None:
    """Write a support bundle without secrets: status, checks, logs, configuration; the fleet may be partly down."""
    from meshfleet.automation import support_bundle

    bundle = support_bundle.collect(
        Checkout.here(), stack, seconds=seconds, on_part=lambda part: None if json else print_line(f"collecting {part}")
    )
    make_directory(out.absolute().parent)
    write_file(out.absolute(), bundle.as_tar())
    missing = {entry.name: entry.error for entry in bundle.entries if entry.error}
    members = [entry.name for entry in bundle.entries if not entry.error]
    if json:
        print_json({"ok": True, "stack": stack, "file": str(out), "members": members, "missing": missing})
    else:
        for name, error in missing.items():
            print_line(f"not collected: {name}: {error}")
        print_line(f"wrote {len(members)} files to {out}; review it before you share it")


class Described(StrEnum):
    """The documents with a JSON schema."""

    STATUS = "status"
    STACK = "stack"


@app.command()
def schema(
    of: Annotated[Described, typer.Argument(help="The output of `status --json`, or the stack file.")],
    json: Json = False,
) -> None:
    """Print a JSON schema (draft 2020-12) for editors and programs; the output is JSON with and without --json."""
    from json import dumps

    from meshfleet.status.schema import status_schema
    from meshfleet.topology.schema import stack_schema

    print(dumps(status_schema() if of == Described.STATUS else stack_schema(), indent=2))


@app.command()
def env() -> None:
    """Print the environment variables for the `pulumi` CLI on this project: eval "$(meshfleet env)"."""
    from meshfleet.automation.engine.environment import prepare

    for name, value in prepare(Checkout.here()).variables.items():
        print(f"export {name}={shlex.quote(value)}")
