"""Remove what a fleet left on this machine: its processes, its reservations and its files.

Used after `destroy`, so that what a killed run had begun, and the engine never heard of, goes too.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from embedded.processes import end, find
from embedded.reservations import reservations
from embedded.workspace import Workspace

GRACE_SECONDS = 10.0


def sweep(fleet: str, home: Path) -> None:
    """End every process that works in the fleet's folders, then remove those and give back ports and addresses.

    Raises `ProcessError` when a process cannot be ended.
    """
    workspace = Workspace(fleet, home)
    for folder in (workspace.directory / "clusters", workspace.directory / "istiods"):
        end([process for found in find(folder).values() for process in found], GRACE_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)
    with reservations(home) as held:
        prefix = workspace.owner("")
        held.ports = {owner: ports for owner, ports in held.ports.items() if not owner.startswith(prefix)}
        held.addresses = {owner: address for owner, address in held.addresses.items() if not owner.startswith(prefix)}
