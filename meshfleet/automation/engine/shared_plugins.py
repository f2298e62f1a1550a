"""The plugin server processes of a command (`meshfleet.plugins.shared`), started before the engine needs them.

They import their modules while this process imports Pulumi's SDK. Without them each plugin runs as a separate process,
as with plain `pulumi`, with the same results.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from meshfleet.automation.engine.environment import Environment
from meshfleet.processes.child_environment import engine_environment
from meshfleet.workspace.project_folder import CODE

VARIABLE = "MESHFLEET_PLUGINS"
# They exit with their last plugin; only an engine that outlives its command keeps them running.
END_SECONDS = 5


@contextmanager
def shared_plugins(environment: Environment) -> Iterator[None]:
    """Start the processes and set the variable for plugin scripts; requires the lock, for the temporary directory."""
    packages = ("meshfleet", "kubernetes") if environment.stand_in else ("meshfleet",)
    folder = Path(tempfile.gettempdir())
    with ExitStack() as stack:
        for package in packages:
            stack.enter_context(_shared(environment, package, folder / package))
        os.environ[VARIABLE] = str(folder)
        stack.callback(os.environ.pop, VARIABLE)
        yield


@contextmanager
def _shared(environment: Environment, package: str, address: Path) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(str(address))
        except OSError:
            # The path of a socket is limited to about 100 characters.
            yield
            return
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "meshfleet.plugins.shared", package, str(listener.fileno())],
            # Paths of charts are relative to the project, as for a plugin that the engine starts.
            cwd=environment.checkout.program,
            env=engine_environment({**environment.variables, "PYTHONPATH": str(CODE)}),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            # An interrupt from the terminal is handled by the engine, which then stops its plugins in order.
            start_new_session=True,
        )
    try:
        yield
    finally:
        address.unlink(missing_ok=True)
        if process.stdin:
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
