"""The loss of a cluster on this machine, as when its machine loses power."""

from __future__ import annotations

import psutil

from meshfleet.dataplane.network import namespaces
from meshfleet.testing import FleetUnderTest, kill
from meshfleet.workspace import fleet_processes as processes


def lose(fleet: FleetUnderTest, cluster: str) -> None:
    """Kill all that there is of a cluster: API server, istiod, node, pods and gateway."""
    folder = fleet.sandbox.home / "fleets" / fleet.name
    found: list[psutil.Process] = []
    # The node first, which would start its pods again.
    for part in (f"nodes/{cluster}", f"clusters/{cluster}", f"istiods/{cluster}.default"):
        found += [process for named in processes.find(folder / part).values() for process in named]
    found += namespaces.processes_in(*namespaces.names(fleet.place.pods(cluster)))
    assert {"node-agent", "kube-apiserver", "pilot-discovery", "envoy"} <= {process.name() for process in found}
    for process in found:
        kill(process)
