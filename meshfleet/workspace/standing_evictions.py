"""Which evictions hold, and a fleet that is placed with them. Pure, but for the record of this machine.

The state of the stack decides. Every run writes into its output `fleet` which shares are elsewhere, and which were
before a move that is under way; a move writes it twice: with both placements held once the new home has its share, and
without the one of before once the rest is taken away. So whatever machine comes next, and wherever a move was killed,
what the state says holds every copy that may be the only one that serves. The record of this machine counts where the
state says nothing of it: it was written by a meshfleet of before that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from meshfleet.federation.failover import placed_by, tenable
from meshfleet.federation.propagated import propagations
from meshfleet.federation.status_rows import evictions_of
from meshfleet.manifests.propagations import document_name
from meshfleet.topology.fleet import Evictions, Fleet
from meshfleet.workspace.failover_record import Kept, read_kept
from meshfleet.workspace.home import Workspace

if TYPE_CHECKING:
    from meshfleet.status import Status
    from meshfleet.status.propagations import RecordedEvictions

Holders = Mapping[str, Mapping[str, str]]
"""Cluster to document to the propagation it is of, as the state has them."""


def fails_over(fleet: Fleet) -> bool:
    """Whether any share may be elsewhere: only then is a record or a state read for it."""
    return any(one.failover for one in fleet.propagations.values())


def recorded_in(description: Mapping[str, Any] | None) -> Kept | None:
    """The evictions in the output `fleet` of a stack, without what is pending; None where it says nothing of them.

    A stack without that output was never brought up, so it has none. Raises VerificationError for one that cannot be
    read.
    """
    from meshfleet.status import read_evictions

    return Kept() if description is None else told_by(read_evictions(description))


def told_by(found: RecordedEvictions | Status) -> Kept | None:
    """The same of a status that was read."""
    if "evictions" not in found.model_fields_set:
        return None
    before = found.evictions_before
    return Kept(evictions_of(found.evictions), None if before is None else evictions_of(before))


def in_force(fleet: Fleet, kept: Kept, recorded: Kept | None, holders: Holders) -> Kept:
    """The evictions that hold, from the record of this machine and from the state of the stack."""
    if recorded is None:
        return kept
    return Kept(recorded.evictions, recorded.before, still_left(placed(fleet, recorded), holders, kept.pending))


def still_left(fleet: Fleet, holders: Holders, known: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
    """The clusters that hold what a propagation has elsewhere by now, by propagation.

    Looked at are those that its shares were taken from, and those that are `known` to have been left with something.
    What is not declared any more is for `up` to remove.
    """
    found: dict[str, dict[str, None]] = {}
    for one in propagations(fleet).objects:
        name, document = one.propagation, document_name(one.propagation, one.key)
        for cluster in (*fleet.evictions.get(name, ()), *known.get(name, ())):
            if cluster not in one.copies and holders.get(cluster, {}).get(document) == name:
                found.setdefault(name, {})[cluster] = None
    return {name: tuple(clusters) for name, clusters in found.items()}


def placed(fleet: Fleet, kept: Kept) -> Fleet:
    """The fleet with these evictions, as far as what the stack file says now allows them."""
    if not fails_over(fleet):
        return fleet
    if not kept.evictions and kept.before is None:
        elsewhere = fleet.evictions or fleet.evictions_before is not None
        return placed_by(fleet, {}) if elsewhere else fleet
    before = None if kept.before is None else _declared(fleet, kept.before)
    wanted = _declared(fleet, kept.evictions)
    return placed_by(fleet, tenable(placed_by(fleet, wanted), wanted).evictions, before)


def with_evictions(fleet: Fleet, workspace: Workspace) -> Fleet:
    """The fleet with the evictions that this machine has on record, for what reads no state.

    Raises FileError for a record that cannot be read; it is read where a propagation has `failover`.
    """
    return placed(fleet, read_kept(workspace)) if fails_over(fleet) else fleet


def _declared(fleet: Fleet, evictions: Evictions) -> Evictions:
    """Those of propagations and clusters that the stack file has, and that it lets fail over."""
    found = {
        name: {cluster: since for cluster, since in clusters.items() if cluster in fleet.clusters}
        for name, clusters in evictions.items()
        if name in fleet.propagations and fleet.propagations[name].failover
    }
    return {name: clusters for name, clusters in found.items() if clusters}
