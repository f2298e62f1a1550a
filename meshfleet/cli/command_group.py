"""The outermost door of the command: whatever goes wrong within ends in sentences and an exit code.

Every way in comes by here (`cli/entry_point.py`, and tests that invoke the app), so commands catch nothing.
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
from meshfleet.automation.reporting.output import answer, completing, say
from meshfleet.cli.typed_commands import completed, required_options, stack_in
from meshfleet.errors import MeshfleetError
from meshfleet.files import make_directory, write_file
from meshfleet.redaction.secret_text import redact

PROGRAM = "meshfleet"
JSON = "--json"
# Characters of a traceback that are kept, the last ones.
LONGEST = 100_000
SUPPORT = "meshfleet collect --stack STACK --out FILE.tar.gz"


class CommandGroup(TyperGroup):
    """The group of all commands. typer's own `main` would end in tracebacks, boxes, and one code for all."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run the command that `args` name, and exit."""
        arguments = list(sys.argv[1:] if args is None else args)

        def perform() -> None:
            with self.make_context(prog_name or PROGRAM, list(arguments)) as context:
                self.invoke(context)

        complete = partial(completed, required=required_options(self), stack=stack_in(arguments))
        with completing(complete):
            sys.exit(exit_code_of(perform, as_json=JSON in arguments))


def exit_code_of(action: Callable[[], None], *, as_json: bool) -> int:
    """Perform `action`, report what goes wrong, and return the exit code."""
    try:
        try:
            action()
        finally:
            # Buffered output fails only when it is written: here, where it can still be reported.
            sys.stdout.flush()
    except typer.Exit as end:
        return end.exit_code
    # The one place that catches everything: nothing is outside of it that could turn the rest into a sentence.
    except BaseException as error:  # noqa: BLE001
        return _report(failure_of(error) or unexpected(error), as_json=as_json)
    return DONE


def unexpected(error: BaseException) -> Failure:
    """The failure of an exception that is a fault of meshfleet; its traceback goes to a private file in the home."""
    *_, last = traceback.extract_tb(error.__traceback__) or [traceback.FrameSummary("?", 0, "?")]
    place = f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"
    try:
        details = f"its traceback is in {keep_traceback(error)}"
    except (MeshfleetError, OSError) as refusal:
        details = f"its traceback could not be kept ({refusal})"
    return Failure(FAILED, (f"a fault of meshfleet itself ({place}); {details}; report it with what {SUPPORT} writes",))


def keep_traceback(error: BaseException) -> Path:
    """Keep the traceback of a fault of meshfleet; the last one counts. Raises FileError, or OSError."""
    home = make_directory(Checkout.here().home)
    path = home / "fault.log"
    text = redact("".join(traceback.format_exception(error)))[-LONGEST:]
    write_file(path, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n{text}".encode(errors="backslashreplace"))
    return path


def _report(failure: Failure, *, as_json: bool) -> int:
    for line in failure.lines():
        say(line)
    if as_json:
        try:
            answer(failure.as_json())
            sys.stdout.flush()
        except OSError:
            # It goes nowhere any more; the sentence on standard error and the exit code do.
            return failure.code
    return failure.code
