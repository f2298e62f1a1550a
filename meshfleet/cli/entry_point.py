"""The program `meshfleet`: what has to be so in the process before a command begins, and after it has ended.

Its own imports are of the standard library alone, so that an interrupt while the rest is imported is caught here too.
"""

from __future__ import annotations

import atexit
import gc
import io
import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from meshfleet.processes.termination import Terminated

if TYPE_CHECKING:
    from typing import TextIO

INTERRUPTED: Final = 130
# As project_folder.CODE, which is not imported yet.
_CODE: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    """Run the command."""
    _require_utf8()
    try:
        # An interrupt within an import may come out as an error of that import: it waits until all is there.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        _prepare_streams()
        for number in (signal.SIGTERM, signal.SIGHUP):
            # One that is ignored (nohup) stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _terminate)
        _leave_foreign_modules()
        from meshfleet.cli.command import app
        from meshfleet.processes.child_environment import clean_command

        clean_command()
        _keep_tracebacks_of_threads()
        # What was imported lasts to the end, where the collector would look through all of it once more.
        atexit.register(gc.freeze)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        app()
    except KeyboardInterrupt:
        # Before the command began, or a second one while the first was reported.
        sys.stderr.write("error: interrupted; what was done is kept, run the same command again\n")
        sys.exit(INTERRUPTED)
    except (OSError, MemoryError, ImportError) as error:
        # Without its own modules nothing of the command can say more than this.
        in_checkout = os.path.exists(os.path.join(_CODE, "scripts", "bootstrap"))
        repair = "run scripts/bootstrap" if in_checkout else "reinstall the package meshfleet"
        sys.stderr.write(f"error: meshfleet cannot be loaded ({error or 'out of memory'}); {repair}\n")
        sys.exit(1)
    finally:
        _drop_unwritten()


def _require_utf8() -> None:
    """Begin again in UTF-8 mode where the locale has another encoding, in which paths could not be written down.

    Source: https://peps.python.org/pep-0540/
    """
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this program with its own arguments; no shell is wanted


def _leave_foreign_modules() -> None:
    """Import nothing from PYTHONPATH, where a module of any name may be."""
    given = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    for entry in given:
        if os.path.abspath(entry) != _CODE and entry in sys.path:
            sys.path.remove(entry)


class _Lasting(io.FileIO):
    """Standard error that stops nobody: what is written is lost when its reader has gone or its disk is full."""

    def write(self, content: Any) -> int:
        """Write, or pretend to."""
        try:
            return super().write(content) or 0
        except OSError:
            return len(memoryview(content).cast("B"))


def _prepare_streams() -> None:
    """Open what is closed of standard input, output and error, and let no character fail."""
    for descriptor in range(3):
        # A file opened later would get the number, and a child's output with it.
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or io.TextIOWrapper(io.FileIO(0, closefd=False))
    # Paths come out as the bytes that they are.
    sys.stdout = _text(io.FileIO(1, "w", closefd=False), "surrogateescape", line_buffering=False)
    sys.stderr = _text(_Lasting(2, "w", closefd=False), "backslashreplace", line_buffering=True)


def _drop_unwritten() -> None:
    """Let no output be left that the interpreter would fail to write at its end, with an exit code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _text(raw: io.FileIO, errors: str, *, line_buffering: bool) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=sys.getfilesystemencoding(),
        errors=errors,
        line_buffering=line_buffering,
        write_through=line_buffering,
    )


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _keep_tracebacks_of_threads() -> None:
    """What fails in a thread, at the end of an object or in a library's log is kept in the file of faults."""
    from meshfleet.cli.command_group import keep_traceback
    from meshfleet.errors import MeshfleetError

    def keep(error: BaseException | None) -> None:
        try:
            if error is not None and not isinstance(error, SystemExit):
                keep_traceback(error)
        except (MeshfleetError, OSError):
            # There is no place left to report it to.
            return

    threading.excepthook = lambda arguments: keep(arguments.exc_value)
    sys.unraisablehook = lambda arguments: keep(arguments.exc_value)
    # Python's last resort would print what libraries log, with tracebacks, to standard error.
    logging.getLogger().addHandler(logging.NullHandler())
