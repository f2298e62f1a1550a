"""Remove what a fleet left on this machine: its processes, its reservations and its files.

Used after `destroy`: the engine forgets a resource whose making it did not see the end of, so what a killed
run had begun would otherwise stay.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from embedded import processes
from embedded.reservations import reservations
from embedded.workspace import Workspace, file_error
from topology.errors import ProcessError

_ROUNDS: Final = 5


def sweep(fleet: str, home: Path) -> None:
    """End every process started in the fleet's folders, remove those, give back ports and addresses.

    Raises ProcessError when a process cannot be ended, EmbeddedError when a file cannot be removed.
    """
    workspace = Workspace(fleet, home)
    _end_all(workspace)
    try:
        shutil.rmtree(workspace.directory)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise file_error(workspace.directory, error) from error
    if home.is_dir():
        _release(workspace)
    workspace.prune()


def _end_all(workspace: Workspace) -> None:
    # One that makes a cluster may have started another between our look and its end.
    for _ in range(_ROUNDS):
        running = [process for same in processes.find(workspace.directory).values() for process in same]
        if not running:
            return
        processes.end(running, grace=0)
    raise ProcessError(f"something keeps starting programs of {workspace.directory}; end it first")


def _release(workspace: Workspace) -> None:
    prefix = workspace.owner("")
    with reservations(workspace.home) as held:
        held.ports = {owner: ports for owner, ports in held.ports.items() if not owner.startswith(prefix)}
        held.addresses = {owner: address for owner, address in held.addresses.items() if not owner.startswith(prefix)}
