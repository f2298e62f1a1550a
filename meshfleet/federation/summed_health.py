"""How an object fares over all of its clusters, and a propagation over all of its objects. Pure.

The words are those of one cluster; a parent sums its children.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from meshfleet.federation.affinity import listed
from meshfleet.federation.health import Health, Word

MIXED = "Mixed"
"""The status of a condition that is not the same in all clusters."""


def summed(words: Iterable[Word]) -> Word:
    """One word for several: what all are; failed where one is; partial where some are ready and some are not.

    Of those that are not ready, pending and unknown ones weigh more than accepted ones, since they need an action.
    """
    found = frozenset(words)
    if len(found) == 1:
        return next(iter(found))
    if Word.FAILED in found:
        return Word.FAILED
    if found & {Word.READY, Word.PARTIAL}:
        return Word.PARTIAL
    # Without children there is nothing to wait for.
    return next((word for word in (Word.UNKNOWN, Word.PENDING) if word in found), Word.READY)


def why(rows: Mapping[str, Health]) -> str:
    """Why not all clusters are ready, each reason once with its clusters."""
    reasons: dict[str, list[str]] = {}
    for cluster, row in rows.items():
        if row.why:
            reasons.setdefault(row.why, []).append(cluster)
    return "; ".join(f"{listed(clusters)}: {reason}" for reason, clusters in reasons.items())


def merged_conditions(rows: Mapping[str, Health]) -> dict[str, str]:
    """Each condition that some cluster reports: its status where all that report it agree, else `Mixed`."""
    merged: dict[str, str] = {}
    for row in rows.values():
        for kind, status in row.conditions.items():
            merged[kind] = status if merged.get(kind, status) == status else MIXED
    return dict(sorted(merged.items()))


def ready_replicas(rows: Mapping[str, Health]) -> int | None:
    """The ready pods of all clusters together; None where no cluster reports any."""
    counts = [row.ready for row in rows.values() if row.ready is not None]
    return sum(counts) if counts else None
