"""The entry point of `meshfleet`: process setup before a command runs, and cleanup after it.

It imports only the standard library at module level, so that an interrupt during the remaining imports is handled here.
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

from meshfleet.processes.garbage_collection import collect_less_often
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
        # An interrupt during an import may surface as an ImportError: block signals until all imports are done.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        _prepare_streams()
        collect_less_often()
        for number in (signal.SIGTERM, signal.SIGHUP):
            # Keep an ignored signal (nohup) ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _terminate)
        _remove_pythonpath()
        from meshfleet.cli.command import app
        from meshfleet.processes.child_environment import clean_command

        clean_command()
        _save_tracebacks_of_threads()
        # Imported objects live until exit, where the garbage collector would scan all of them again.
        atexit.register(gc.freeze)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        app()
    except KeyboardInterrupt:
        # Before the command started, or a second interrupt while the first was reported.
        sys.stderr.write("error: interrupted; completed changes are kept, run the same command again\n")
        sys.exit(INTERRUPTED)
    except (OSError, MemoryError, ImportError) as error:
        # Without its own modules the command cannot report more.
        in_checkout = os.path.exists(os.path.join(_CODE, "scripts", "bootstrap"))
        repair = "run scripts/bootstrap" if in_checkout else "reinstall the package meshfleet"
        sys.stderr.write(f"error: meshfleet cannot be loaded ({error or 'out of memory'}); {repair}\n")
        sys.exit(1)
    finally:
        _drop_unwritten()


def _require_utf8() -> None:
    """Restart in UTF-8 mode if the locale has another encoding, which cannot represent every path.

    Source: https://peps.python.org/pep-0540/
    """
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this program with its own arguments; no shell is wanted


def _remove_pythonpath() -> None:
    """Remove PYTHONPATH from the module search path, since its modules could shadow others."""
    entries = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    for entry in entries:
        if os.path.abspath(entry) != _CODE and entry in sys.path:
            sys.path.remove(entry)


class _LossyStderr(io.FileIO):
    """Standard error that never fails: output is lost when its reader has exited or the disk is full."""

    def write(self, content: Any) -> int:
        """Write, ignoring errors."""
        try:
            return super().write(content) or 0
        except OSError:
            return len(memoryview(content).cast("B"))


def _prepare_streams() -> None:
    """Open closed standard streams, and encode every character."""
    for descriptor in range(3):
        # A file opened later would get this descriptor, and with it the output of child processes.
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or io.TextIOWrapper(io.FileIO(0, closefd=False))
    # Paths are printed as their original bytes.
    sys.stdout = _text(io.FileIO(1, "w", closefd=False), "surrogateescape", line_buffering=False)
    sys.stderr = _text(_LossyStderr(2, "w", closefd=False), "backslashreplace", line_buffering=True)


def _drop_unwritten() -> None:
    """Discard output that the interpreter would fail to write at exit, which would change the exit code."""
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


def _save_tracebacks_of_threads() -> None:
    """Save errors from threads, finalizers and library logs to the fault log."""
    from meshfleet.cli.command_group import save_traceback
    from meshfleet.errors import MeshfleetError

    def keep(error: BaseException | None) -> None:
        try:
            if error is not None and not isinstance(error, SystemExit):
                save_traceback(error)
        except (MeshfleetError, OSError):
            # The error cannot be reported anywhere.
            return

    threading.excepthook = lambda arguments: keep(arguments.exc_value)
    sys.unraisablehook = lambda arguments: keep(arguments.exc_value)
    # Python's last-resort handler would print library logs with tracebacks to standard error.
    logging.getLogger().addHandler(logging.NullHandler())
