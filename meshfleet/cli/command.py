"""The command `meshfleet`: thin functions that read options, do one thing each and say what came of it."""

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
from meshfleet.automation.reporting.output import answer, leave, say
from meshfleet.automation.session import open_session
from meshfleet.automation.walking import walk
from meshfleet.cli.command_group import CommandGroup
from meshfleet.cli.options import Json, Stack
from meshfleet.cli.virtual_machines import vm
from meshfleet.files import make_directory, write_file
from meshfleet.workspace.project_folder import VARIABLE

AS_STACK_SAYS = "the fleet is as the stack says"

# What one command alone needs is imported in it: the start counts in every run of every command.
app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A fleet of Kubernetes clusters and its Istio meshes, as one Pulumi program.",
    epilog="Exit codes: 0 done, 1 failed (with what to do next), 2 the stack file is wrong, 3 drift was found, "
    "130 interrupted.",
)
app.add_typer(vm, name="vm")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def command(
    project: Annotated[
        str | None,
        typer.Option(
            help="The directory with the stack files. Default: the nearest one upward with a Pulumi.yaml of this "
            "project, else the current one.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Choose the project before the command itself runs."""
    if project is not None:
        # Plugins and node agents, which are processes of their own, find the same one.
        if not project:
            raise typer.BadParameter("is empty; name the directory with the stack files", param_hint="--project")
        os.environ[VARIABLE] = os.path.abspath(os.path.expanduser(project))


RestoreState = Annotated[
    bool,
    typer.Option("--restore-state", help="Take the state's newest whole backup if the state is damaged or gone."),
]

Forget = Annotated[
    list[str] | None,
    typer.Option("--forget", help="A cluster that is gone for good: drop it without asking it. May be repeated."),
]


@app.command()
def up(
    stack: Stack,
    json: Json = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Read every resource first, and fix what `drift` would report.")
    ] = False,
    forget: Forget = None,
    restore_state: RestoreState = False,
) -> None:
    """Bring the fleet to what the stack file says; what is there already stays untouched.

    A change that would break something if it were made at once is made in stages.
    """
    from meshfleet.automation import forgetting
    from meshfleet.automation.effect import after_up
    from meshfleet.automation.first_steps import first_steps

    session, start = open_session(stack, quiet=json), time.monotonic()
    with session.working("up", restore_state=restore_state):
        forgotten = first_steps(session, forget or ())
        session.engine.initialise()
        reached = walk(session, session.stages(), refresh=refresh)
        forgetting.done(session.checkout, session.file.stack)
        drop_kubeconfigs(session.checkout, session.file.stack, session.topology.clusters)
        restarts = after_up(session, [change for one in reached for change in one.record.changes])
    report_orphans(session.checkout, session.file.stack)
    seconds = round(time.monotonic() - start, 1)
    changes = counted(change for one in reached for change in one.record.changes)
    if json:
        told_of = {"forgotten": forgotten} if forgotten else {}
        told_stages = {"stages": [one.as_json() for one in reached]} if reached[0].stage.name else {}
        left = {"restarts": restarts} if restarts else {}
        answer({"ok": True, "stack": stack, **told_of, **told_stages, "changes": changes, **left, "seconds": seconds})
    else:
        done = ", ".join(f"{count} {kind}" for kind, count in changes.items())
        for line in restarts:
            say(line)
        say(f"{stack} is up in {seconds} s: {done or 'nothing changed'}")


@app.command()
def preview(
    stack: Stack,
    json: Json = False,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Exit 1 if `up` would change anything.")
    ] = False,
) -> None:
    """Show what `up` would do, without doing it."""
    from meshfleet.automation.first_steps import refuse_impossible
    from meshfleet.automation.recreation import preview_engine
    from meshfleet.cli.tables import changes_table

    session = open_session(stack, quiet=json)
    with session.working("preview"):
        recreated = refuse_impossible(session).recreated
        session.engine.initialise()
        stages = session.stages()
        named = [stage.name for stage in stages if stage.name]
        with preview_engine(session.engine, recreated) as engine:
            fleet = stages[0].fleet if named else None
            record = session.run("preview", f"preview {stack}", stage=fleet, on=engine)
    if json:
        told_of = {"recreated": list(recreated)} if recreated else {}
        told_stages = {"stages": named} if named else {}
        changed = [str(change) for change in record.changes]
        answer({"ok": True, "stack": stack, **told_of, **told_stages, "changes": changed})
    else:
        for sentence in recreated.values():
            say(sentence)
        for number, name in enumerate(named, start=1):
            say(f"stage {number} of {len(named)}: {name}")
        if named:
            say("up would wait between them until every cluster is there; these are the changes of the first")
        changes_table(record.changes, "up would change nothing")
    if expect_no_changes and (record.changes or len(named) > 1):
        leave(FAILED)


@app.command()
def verify(
    stack: Stack,
    json: Json = False,
    seconds: Annotated[float, typer.Option(min=1, help="How long each check may wait for its condition.")] = 30,
    check: Annotated[list[str] | None, typer.Option(help="Run this check only; may be repeated.")] = None,
) -> None:
    """Ask the running fleet, istiods and API servers themselves, whether it is what it should be."""
    from meshfleet.automation.identities import identities_in, require_recorded
    from meshfleet.cli.graph import keep_verdicts
    from meshfleet.cli.next_steps import after_verify
    from meshfleet.cli.tables import checks_table, show_result
    from meshfleet.verification import read_fleet, run
    from meshfleet.verification.checks import ALL, named

    selected = named(check) if check else ALL
    session = open_session(stack, quiet=json)
    status = session.status()
    decisions = require_recorded(session, identities_in(status))
    view = read_fleet(status, session.environment.tools, session.checkout.home, decisions)
    report = run(view, selected, on_result=None if json else show_result, timeout=seconds)
    if not check:
        # The picture shows the verdict of every check, and keeps that of before rather than a part.
        keep_verdicts(session.checkout.fleet(session.file.stack), report)
    steps = after_verify(stack, [one.detail for one in report.failed])
    if json:
        answer(report.as_json() | ({"next": steps} if steps else {}))
    else:
        checks_table(report)
        for line in steps:
            say(line)
    if not report.ok:
        leave(FAILED)


@app.command()
def status(stack: Stack, json: Json = False) -> None:
    """Show clusters, meshes, addresses and where each kubeconfig is."""
    from meshfleet.cli.tables import status_table

    session = open_session(stack, quiet=json)
    found = session.status()
    report_orphans(session.checkout, session.file.stack)
    if json:
        answer(found.document())
    else:
        status_table(found)


@app.command()
def drift(stack: Stack, json: Json = False) -> None:
    """Compare the world with the stack; exit 3 and the list when they differ."""
    from meshfleet.automation.effect import not_in_effect, unreachable
    from meshfleet.automation.identities import identities_in, recreated, require_recorded
    from meshfleet.cli.next_steps import after_drift
    from meshfleet.cli.tables import changes_table

    session = open_session(stack, quiet=json)
    with session.working("drift"):
        status = session.status()
        others = recreated(require_recorded(session, identities_in(status)))
        record, unread = session.compare(f"drift {stack}")
        stale = not_in_effect(session, status, unreachable(record, unread))
    changes = [str(change) for change in record.changes]
    steps = after_drift(stack, changes, unread)
    if json:
        found = [*others.values(), *changes, *unread, *stale]
        answer({"ok": not found, "stack": stack, "drift": found, **({"next": steps} if steps else {})})
    else:
        for sentence in others.values():
            say(f"{sentence} by meshfleet up --stack {stack}")
        clean = "the objects of the fleet are as the stack says" if stale or others else AS_STACK_SAYS
        changes_table(record.changes, clean)
        for line in (*unread, *stale, *steps):
            say(line)
    if record.changes or stale or others:
        leave(DRIFTED)


@app.command()
def destroy(
    stack: Annotated[str, typer.Option("--stack", "-s", help="The stack to remove.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Every stack of this checkout.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    forget: Forget = None,
    restore_state: RestoreState = False,
    json: Json = False,
) -> None:
    """Remove everything the stack made: objects, processes, files and the stack itself."""
    from meshfleet.automation import destruction

    checkout = Checkout.here()
    stacks = destruction.stacks_of(checkout) if every else (stack,)
    if every and stack:
        raise typer.BadParameter("--all is every stack: leave --stack out, or --all")
    if not every:
        # Before anybody is asked whether to remove it.
        destruction.named(checkout, stack)
    if every and forget:
        raise typer.BadParameter("--forget names clusters of one --stack, so it goes not with --all")
    if stacks and not yes:
        typer.confirm(f"remove {', '.join(stacks)} and everything in them?", abort=True, err=True)
    removed = destruction.destroy_each(
        stacks,
        lambda name: destruction.destroy(checkout, name, quiet=json, forget=forget or (), restore_state=restore_state),
    )
    if json:
        answer({"ok": True, "removed": [name for name in removed if name]})
    else:
        say(f"removed {', '.join(name for name in removed if name)}" if any(removed) else "there was nothing to remove")


@app.command()
def render(
    stack: Stack,
    out: Annotated[Path, typer.Option("--out", help="The folder to write to; made if it is not there.")],
    json: Json = False,
) -> None:
    """Write everything each cluster gets as YAML, in the order it is applied. Needs no engine and no cluster."""
    from meshfleet.cli import rendering

    files = rendering.render(open_session(stack, quiet=json).topology)
    rendering.write(files, out)
    if json:
        answer({"ok": True, "files": list(files)})
    else:
        say(f"{len(files)} files in {out}")


@app.command()
def validate(stack: Stack, json: Json = False) -> None:
    """Check the stack file: exit 2 and one line for each fault."""
    topology = open_session(stack, quiet=json).topology
    meshes = {mesh: topology.model_of(mesh) for mesh in topology.meshes}
    if json:
        answer({"ok": True, "clusters": list(topology.clusters), "meshes": meshes})
    else:
        say(f"{stack} is valid: {len(topology.clusters)} clusters")
        for mesh, model in meshes.items():
            say(f"  {mesh}: {model} ({', '.join(topology.members_of(mesh))})")


@app.command()
def graph(
    stack: Stack,
    out: Annotated[Path | None, typer.Option("--out", help="The SVG file to write.")] = None,
    json: Json = False,
) -> None:
    """Draw clusters, networks, control planes, gateways and trust as an SVG."""
    from meshfleet.cli.graph import last_verdicts, picture_of

    session = open_session(stack, quiet=json)
    folder = session.checkout.fleet(session.file.stack)
    up_already = session.checkout.state.exists() and session.engine.exists()
    known = session.status() if up_already else None
    path = out or session.checkout.picture(session.file.stack)
    make_directory(path.parent)
    write_file(path, picture_of(session.topology, known, last_verdicts(folder) if known else {}))
    if json:
        answer({"ok": True, "file": str(path)})
    else:
        say(f"the picture is in {path}")


@app.command()
def collect(
    stack: Stack,
    out: Annotated[Path, typer.Option("--out", help="The archive to write, a .tar.gz.")],
    seconds: Annotated[float, typer.Option(min=1, help="How long each check and each request may take.")] = 10,
    json: Json = False,
) -> None:
    """Write a support bundle: what there is to know of a fleet, however much of it still runs, without a secret."""
    from meshfleet.automation import support_bundle

    bundle = support_bundle.collect(
        Checkout.here(), stack, seconds=seconds, tell=lambda part: None if json else say(f"collecting {part}")
    )
    make_directory(out.absolute().parent)
    write_file(out.absolute(), bundle.as_tar())
    missing = {entry.name: entry.error for entry in bundle.entries if entry.error}
    members = [entry.name for entry in bundle.entries if not entry.error]
    if json:
        answer({"ok": True, "stack": stack, "file": str(out), "members": members, "missing": missing})
    else:
        for name, error in missing.items():
            say(f"not collected: {name}: {error}")
        say(f"{len(members)} members are in {out}; read it before you give it away")


class Described(StrEnum):
    """What there is a JSON schema of."""

    STATUS = "status"
    STACK = "stack"


@app.command()
def schema(
    of: Annotated[Described, typer.Argument(help="What `status --json` prints, or a stack file.")],
    json: Json = False,
) -> None:
    """Print a JSON schema (draft 2020-12), for editors and programs; it is JSON with and without --json."""
    from json import dumps

    from meshfleet.status.schema import status_schema
    from meshfleet.topology.schema import stack_schema

    print(dumps(status_schema() if of == Described.STATUS else stack_schema(), indent=2))


@app.command()
def env() -> None:
    """Print the exports a shell needs to use `pulumi` itself on this project: eval "$(meshfleet env)"."""
    from meshfleet.automation.engine.environment import prepare

    for name, value in prepare(Checkout.here()).variables.items():
        print(f"export {name}={shlex.quote(value)}")
