"""One cluster is declared once, whatever its name."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft


def existing_clusters(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each cluster reached through the same kubeconfig and context as one before it."""
    reached: dict[tuple[str, str], str] = {}
    for name, cluster in draft.clusters.items():
        if cluster.existing is None:
            continue
        first = reached.setdefault((cluster.existing.kubeconfig, cluster.existing.context), name)
        if first != name:
            yield Fault(
                f"clusters.{name}.existing.context",
                f"{shown(cluster.existing.context)} of the same kubeconfig is already {first!r}; "
                "declare a cluster once, or name another context",
            )
