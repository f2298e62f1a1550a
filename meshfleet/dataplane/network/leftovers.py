"""What a fleet's data plane left on this machine, of which nothing else knows any more."""

from __future__ import annotations

from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.node_network import remove_node
from meshfleet.dataplane.network.place import Place, lock_file
from meshfleet.files import file_error
from meshfleet.workspace.home import Workspace, remove_directory


def remove_data_plane(place: Place) -> None:
    """End all that runs in the fleet's namespaces, remove those and every file. Fine when there is nothing.

    Raises NetworkError, ProcessError, EmbeddedError.
    """
    names = namespaces.names(place.prefix)
    if names:
        namespaces.remove(*names)
    _remove_files(place)


def remove_node_of(workspace: Workspace, cluster: str) -> None:
    """The same for the node of one cluster. Raises likewise."""
    place = Place.of(workspace)
    if namespaces.names(place.node(cluster)) or namespaces.names(place.pods(cluster)):
        remove_node(place, cluster)


def _remove_files(place: Place) -> None:
    try:
        lock_file(place).unlink(missing_ok=True)
    except OSError as error:
        raise file_error(lock_file(place), error) from error
    remove_directory(place.directory)
