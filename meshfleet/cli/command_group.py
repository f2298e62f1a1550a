"""The top-level error handler of the CLI: every exception becomes an error message and an exit code.

Every invocation runs through it (`cli/entry_point.py`, and tests that invoke the app), so that commands catch nothing.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.reporting.failures import DONE, FAILED, Failure, failure_of
from meshfleet.automation.reporting.output import completing, print_json, print_line
from meshfleet.cli.typed_commands import completed, required_options, stack_in
from meshfleet.errors import MeshfleetError
from meshfleet.files import make_directory, write_file
from meshfleet.redaction.secret_text import redact

PROGRAM = "meshfleet"
JSON = "--json"
# Maximum number of characters of a saved traceback; the last ones are kept.
LONGEST = 100_000
SUPPORT = "meshfleet collect --stack STACK --out FILE.tar.gz"


class CommandGroup(TyperGroup):
    """The group of all commands. typer's own `main` would print tracebacks and boxes, and use one exit code for all."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run the command in `args` and exit."""
        arguments = list(sys.argv[1:] if args is None else args)

        def perform() -> None:
            with self.make_context(prog_name or PROGRAM, list(arguments)) as context:
                self.invoke(context)

        complete = partial(completed, required=required_options(self), stack=stack_in(arguments))
        with completing(complete):
            sys.exit(exit_code_of(perform, as_json=JSON in arguments))


def exit_code_of(action: Callable[[], None], *, as_json: bool) -> int:
    """Run `action`, report an error, and return the exit code."""
    try:
        try:
            action()
        finally:
            # Writing buffered output may fail: flush here, where the error can still be reported.
            sys.stdout.flush()
    except typer.Exit as end:
        return end.exit_code
    # The only place that catches everything: no outer code could turn the exception into a message.
    except BaseException as error:  # noqa: BLE001
        return _report(failure_of(error) or unexpected(error), as_json=as_json)
    return DONE


def unexpected(error: BaseException) -> Failure:
    """The failure for a bug in meshfleet; the traceback is written to a private file in the home directory."""
    *_, last = traceback.extract_tb(error.__traceback__) or [traceback.FrameSummary("?", 0, "?")]
    place = f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"
    try:
        details = f"the traceback is in {save_traceback(error)}"
    except (MeshfleetError, OSError) as refusal:
        details = f"the traceback could not be saved ({refusal})"
    return Failure(
        FAILED, (f"internal error of meshfleet ({place}); {details}; report it with the support bundle of {SUPPORT}",)
    )


def save_traceback(error: BaseException) -> Path:
    """Save the traceback of a bug in meshfleet, replacing an earlier one. Raises FileError, or OSError."""
    home = make_directory(Checkout.here().home)
    path = home / "fault.log"
    text = redact("".join(traceback.format_exception(error)))[-LONGEST:]
    write_file(path, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n{text}".encode(errors="backslashreplace"))
    return path


def _report(failure: Failure, *, as_json: bool) -> int:
    for line in failure.lines():
        print_line(line)
    if as_json:
        try:
            print_json(failure.as_json())
            sys.stdout.flush()
        except OSError:
            # Standard output is closed; the message on standard error and the exit code remain.
            return failure.code
    return failure.code
