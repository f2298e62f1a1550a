"""An address of this machine is of no use to an istiod that runs elsewhere (istio/istio #31081)."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.discovery import is_loopback
from meshfleet.topology.draft import Draft


def discovery(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each loopback address given to peers, unless the whole fleet is on this machine."""
    elsewhere = [name for name, cluster in draft.clusters.items() if cluster.capabilities.istiod_runtime == "pod"]
    if not elsewhere:
        return
    for name, cluster in draft.clusters.items():
        server = cluster.discovery.server
        if server and is_loopback(server):
            yield Fault(
                f"clusters.{name}.discovery.server",
                f"{shown(server)} is an address of this machine, and pods of {', '.join(elsewhere)} run elsewhere; "
                "give an address that the other clusters reach",
            )
