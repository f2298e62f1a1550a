"""Remove what a fleet, or one cluster of it, left on this machine: processes, reservations and files.

Used after `destroy`, since the engine forgets a resource whose making it did not see the end of, so what a killed run
had begun would otherwise stay; and for a cluster that is forgotten, of which the engine removes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from embedded import processes
from embedded.network.leftovers import remove_data_plane, remove_node_of
from embedded.network.loopback import close_ports
from embedded.reservations import reservations
from embedded.workspace import Workspace, remove_directory
from topology.errors import ProcessError

_ROUNDS: Final = 5


def sweep(fleet: str, home: Path) -> None:
    """End every process started in the fleet's folders, remove those, give back ports and addresses.

    Raises ProcessError when a process cannot be ended, EmbeddedError when a file cannot be removed.
    """
    workspace = Workspace(fleet, home)
    prefix = workspace.owner("")
    _remove([workspace.directory])
    remove_data_plane(workspace)
    _release(home, ports=lambda owner: owner.startswith(prefix), addresses=lambda owner: owner.startswith(prefix))
    workspace.prune()


def sweep_cluster(fleet: str, cluster: str, home: Path) -> None:
    """Do the same for one cluster, its control plane and its istiods. Fine when there is nothing. Raises likewise."""
    workspace = Workspace(fleet, home)
    _remove([workspace.cluster(cluster), workspace.node(cluster), *_istiods(workspace, cluster)])
    remove_node_of(workspace, cluster)
    processes_of = workspace.owner("cluster", cluster)
    node_of = workspace.owner("node", cluster)
    istiods_of, gateways_of = workspace.owner("istiod", cluster, ""), workspace.owner(cluster, "")
    _release(
        home,
        ports=lambda owner: owner == processes_of or owner.startswith(istiods_of),
        addresses=lambda owner: owner == node_of or owner.startswith(gateways_of),
    )
    workspace.prune()


def _istiods(workspace: Workspace, cluster: str) -> list[Path]:
    """The folders of a cluster's istiods: those that are there, and those whose ports are still reserved."""
    # No name of a cluster has a dot, so that none is the beginning of another's.
    pattern = workspace.istiod(cluster, "*")
    found = set(pattern.parent.glob(pattern.name))
    if workspace.home.is_dir():
        prefix = workspace.owner("istiod", cluster, "")
        with reservations(workspace.home) as held:
            revisions = [owner.removeprefix(prefix) for owner in held.ports if owner.startswith(prefix)]
        found |= {workspace.istiod(cluster, revision) for revision in revisions}
    return sorted(found)


def _remove(directories: Sequence[Path]) -> None:
    """End all that was started in these folders, whether they are still there or not, then remove them."""
    _end_all(directories)
    for directory in directories:
        remove_directory(directory)


def _end_all(directories: Sequence[Path]) -> None:
    # One that makes a cluster may have started another between our look and its end.
    for _ in range(_ROUNDS):
        found = processes.find_all(directories)
        running = [process for named in found.values() for same in named.values() for process in same]
        if not running:
            return
        processes.end(running, grace=0)
    places = ", ".join(map(str, directories))
    raise ProcessError(f"something keeps starting programs of {places}; end it first")


def _release(home: Path, *, ports: Callable[[str], bool], addresses: Callable[[str], bool]) -> None:
    """Give back what owners that are meant have reserved."""
    if not home.is_dir():
        return
    with reservations(home) as held:
        held.ports = {owner: taken for owner, taken in held.ports.items() if not ports(owner)}
        held.addresses = {owner: address for owner, address in held.addresses.items() if not addresses(owner)}
    close_ports(home)
