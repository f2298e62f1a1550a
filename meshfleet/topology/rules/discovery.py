"""An address of this machine is of no use to an istiod that runs elsewhere (istio/istio #31081)."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.discovery import discovers, is_loopback
from meshfleet.topology.draft import Draft


def discovery(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each loopback address given to peers, unless all that may read it are on this machine."""
    pods = [name for name, cluster in draft.clusters.items() if cluster.capabilities.istiod_runtime == "pod"]
    for name, cluster in draft.clusters.items():
        server, read_by = cluster.discovery.server, cluster.discovery.read_by
        elsewhere = [reader for reader in pods if discovers(reader, name, read_by)]
        if server and elsewhere and is_loopback(server):
            yield Fault(
                f"clusters.{name}.discovery.server",
                f"{shown(server)} is an address of this machine, and pods of {', '.join(elsewhere)} run elsewhere; "
                "give an address that the other clusters reach",
            )
