"""The commands that inspect a fleet without changing it: `verify`, `status`, `drift`, `graph` and `collect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.orphans import report_orphans
from meshfleet.automation.reporting.failures import DRIFTED, FAILED
from meshfleet.automation.reporting.output import exit_with, print_json, print_line
from meshfleet.automation.session import open_session
from meshfleet.cli.options import Json, Stack
from meshfleet.files import make_directory, write_file

NO_DRIFT = "no drift: the fleet matches the stack"


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
