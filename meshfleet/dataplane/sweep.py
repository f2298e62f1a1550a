"""Remove what a fleet, or one cluster of it, left on this machine: processes, reservations and files.

Used after `destroy`, since the engine forgets a resource whose making it did not see the end of, so what a killed run
had begun would otherwise stay; and for a cluster that is forgotten, of which the engine removes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.dataplane.network.leftovers import remove_data_plane, remove_node_of
from meshfleet.dataplane.network.place import Place
from meshfleet.embedded.cluster_ranges import RANGES
from meshfleet.embedded.loopback import close_ports
from meshfleet.embedded.processes_by_port import cut_directories, of_fleet
from meshfleet.embedded.reservations import reservations
from meshfleet.errors import ProcessError
from meshfleet.errors.containment import each, require_none
from meshfleet.kind.cluster import remove_recorded
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace, remove_directory
from meshfleet.workspace.plain_path import remove_links

if TYPE_CHECKING:
    import psutil

_ROUNDS: Final = 5


def sweep(fleet: str, home: Path) -> None:
    """End every process of the fleet, remove its directory, give back ports and addresses.

    Returns when it was seen that no process of it is left and that none answers on its ports. A step that fails keeps
    no other from being done; then the reservations, the directory and its marker stay, by which the fleet is known to
    the next removal. Raises ProcessError when a process cannot be ended, EmbeddedError when a file cannot be removed or
    the directory is not ours, and one of several failures names all of them.
    """
    workspace = Workspace(fleet, home)
    # Read while the marker is there.
    identity, place = workspace.identity, Place.of(workspace)
    prefix = workspace.owner("")
    ports = _ports_of(home, prefix)
    outside = cut_directories(ports, home)
    _all_of(
        lambda: _end_all([workspace.directory]),
        lambda: _end_until_none(lambda: of_fleet(identity, ports, home), f"fleet {fleet}"),
        lambda: remove_data_plane(place),
        lambda: remove_recorded(workspace),
        *(partial(remove_directory, directory) for directory in outside),
        lambda: remove_links(identity),
    )
    _release(home, ports=lambda owner: owner.startswith(prefix), addresses=lambda owner: owner.startswith(prefix))
    # Last: by it a sweep that was killed is known, and done again.
    workspace.remove()
    workspace.prune()


def sweep_cluster(fleet: str, cluster: str, home: Path) -> None:
    """Do the same for one cluster, its control plane and its istiods. Fine when there is nothing. Raises likewise."""
    workspace = Workspace(fleet, home)
    directories = [*workspace.processes_of(cluster), *_istiods(workspace, cluster)]
    _all_of(
        # While processes of it run their files stay.
        lambda: _remove(directories),
        lambda: remove_node_of(workspace, cluster),
        lambda: remove_recorded(workspace, cluster),
    )
    processes_of = workspace.owner("cluster", cluster)
    node_of = workspace.owner("node", cluster)
    istiods_of, gateways_of = workspace.owner("istiod", cluster, ""), workspace.owner(cluster, "")
    ranges_of = workspace.owner(RANGES, cluster, "")
    _release(
        home,
        ports=lambda owner: owner == processes_of or owner.startswith(istiods_of),
        addresses=lambda owner: owner == node_of or owner.startswith((gateways_of, ranges_of)),
    )
    workspace.prune()


def _all_of(*steps: Callable[[], object]) -> None:
    """Do every step, whichever fails, and raise what failed."""
    require_none(each(steps, lambda step: step()))


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
    require_none(each(directories, remove_directory))


def _end_all(directories: Sequence[Path]) -> None:
    def running() -> list[psutil.Process]:
        found = processes.find_all(directories)
        return [process for named in found.values() for same in named.values() for process in same]

    _end_until_none(running, ", ".join(map(str, directories)))


def _end_until_none(look: Callable[[], list[psutil.Process]], whose: str) -> None:
    # One that makes a cluster may have started another between our look and its end.
    for _ in range(_ROUNDS):
        running = look()
        if not running:
            return
        processes.end(running, grace=0)
    raise ProcessError(f"something keeps starting programs of {whose}; terminate it first")


def _ports_of(home: Path, prefix: str) -> frozenset[int]:
    if not home.is_dir():
        return frozenset()
    with reservations(home) as held:
        return frozenset(
            port for owner, ports in held.ports.items() if owner.startswith(prefix) for port in ports.values()
        )


def _release(home: Path, *, ports: Callable[[str], bool], addresses: Callable[[str], bool]) -> None:
    """Give back what owners that are meant have reserved."""
    if not home.is_dir():
        return
    with reservations(home) as held:
        held.ports = {owner: taken for owner, taken in held.ports.items() if not ports(owner)}
        held.addresses = {owner: address for owner, address in held.addresses.items() if not addresses(owner)}
    close_ports(home)
