"""End this plugin when the engine that started it is gone, however it went.

An engine killed by SIGKILL cannot tell its plugins to stop. Two things happen when it dies, both delivered by the
kernel without polling: its process handle becomes readable, and the read end of our standard output is closed.
The second also holds when a shell script stands between the engine and us. (The parent-death signal of Linux is
no substitute: it fires when the *thread* that started us ends, and the engine's threads come and go.)
"""

from __future__ import annotations

import os
import select
import stat
import sys
import threading
from collections.abc import Callable


def watch_engine(on_death: Callable[[], None]) -> threading.Thread:
    """Call `on_death` once, in a thread of its own, when the engine has died; it must not return to serving.

    Watches the parent process (Linux, and macOS by the output pipe alone) and standard output if it is a pipe.
    Call it before anything slow: a parent that dies earlier is noticed too.
    """
    poller = select.poll()
    watching = False
    if hasattr(os, "pidfd_open"):
        parent = os.getppid()
        try:
            poller.register(os.pidfd_open(parent), select.POLLIN)
            watching = True
        except ProcessLookupError:
            on_death()
        except OSError:
            pass  # a kernel or sandbox without process handles: the pipe alone must do
    output = sys.stdout.fileno()
    if stat.S_ISFIFO(os.fstat(output).st_mode):
        # An empty mask still reports errors and hang-ups, which is what a closed read end is.
        poller.register(output, 0)
        watching = True

    def wait() -> None:
        if watching:
            poller.poll()
            on_death()

    thread = threading.Thread(target=wait, name="engine-watch", daemon=True)
    thread.start()
    return thread
