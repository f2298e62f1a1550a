"""The commands that change a fleet, `up` and `destroy`, and `preview`, which shows what `up` would change."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.fleet_status import drop_kubeconfigs
from meshfleet.automation.orphans import report_orphans
from meshfleet.automation.reporting.changes import counted
from meshfleet.automation.reporting.failures import FAILED
from meshfleet.automation.reporting.output import exit_with, print_json, print_line
from meshfleet.automation.session import open_session
from meshfleet.automation.staged_up import run_stages
from meshfleet.cli.closed_networks import lines_of
from meshfleet.cli.options import Json, Stack

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
