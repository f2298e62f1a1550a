"""The end of the proxies of a node that goes: they finish what they have begun, while others hear that they are gone.

A member is taken out of the mesh before its node goes, but proxies elsewhere hear of it a moment later, and what is
sent until then would be lost.
"""

from __future__ import annotations

from typing import Final

from meshfleet.dataplane.network import namespaces
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.node.container_processes import programs_of
from meshfleet.dataplane.node.programs import PROXY_CONTAINER
from meshfleet.workspace import fleet_processes as processes

_SECONDS: Final = 10.0
"""Istio's agents go on for five (terminationDrainDuration); programs behind them are ended after them."""


def drain(place: Place, cluster: str) -> None:
    """Ask the proxies of all pods of a cluster to end, and wait until they have. Raises ProcessError."""
    pods = namespaces.names(place.pods(cluster))
    processes.end(programs_of(PROXY_CONTAINER, namespaces.processes_in(*pods)), _SECONDS)
