"""Failover: which shares leave an unreachable cluster, and which come back. Pure.

Nothing moves before a cluster has been unreachable for `after`, and nothing comes back before it has responded to every
probe for `recover`: one that responds now and then keeps what it has, or stays without. Where no cluster responds at
all, it is the machine that probes that is cut off, and nothing moves. A share without another home stays where it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from meshfleet.federation.faults import propagation_faults
from meshfleet.federation.propagated import Propagated, propagations
from meshfleet.federation.reachability import Reachability
from meshfleet.topology.fleet import Evictions, Fleet


@dataclass(frozen=True)
class Choice:
    """The clusters that each share is to be taken from, and why others stay where they are, by propagation."""

    evictions: Evictions
    staying: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Move:
    """What one cluster gains or loses of an object; replicas are None for an object that has none."""

    one: Propagated
    cluster: str
    before: int | None
    after: int | None
    gains: bool


@dataclass(frozen=True)
class Transfer:
    """A move in two steps: `both` placements are held until all `awaited` is ready, then what is `lost` is taken.

    What is `gained` is awaited, and so is what stayed in a cluster that gets its share back, and all of a share whose
    move is under way: that may have been killed while it took copies away.
    """

    both: Fleet
    new: Fleet
    gained: tuple[Move, ...]
    awaited: tuple[Move, ...]
    lost: tuple[Move, ...]
    given_up: tuple[Move, ...] = ()
    """What of `lost` a move that is under way brought somewhere: it may be the only copy that serves."""


def transfer(fleet: Fleet, evictions: Evictions) -> Transfer:
    """The way from the placement that is settled to the one with these evictions.

    Where a move is under way it starts from the placement of before: what the new home of then got is not counted on,
    and is taken again where it is not wanted any more, but not before all that is wanted is ready.
    """
    old = settled(fleet)
    both, new = placed_by(fleet, evictions, old.evictions), placed_by(fleet, evictions)
    gained = [move for move in moves(old, both) if move.gains]
    given_up = [move for move in moves(fleet, both) if not move.gains] if fleet is not old else []
    lost = [*given_up, *(move for move in moves(both, new) if not move.gains)]
    stayed = [
        _move(one, one, cluster, gains=True)
        for one in propagations(new).objects
        for cluster in one.copies
        if cluster in old.evictions.get(one.propagation, {}) and cluster not in evictions.get(one.propagation, {})
    ]
    touched = {move.one.path for move in moves(old, fleet)} if fleet is not old else set[str]()
    left = [
        _move(one, one, cluster, gains=True)
        for one in propagations(new).objects
        if one.path in touched
        for cluster in one.copies
    ]
    awaited = {(move.one.path, move.cluster): move for move in (*left, *stayed, *gained)}
    return Transfer(both, new, tuple(gained), tuple(awaited.values()), tuple(lost), tuple(given_up))


def moment(seconds: float) -> str:
    """A time of the clock in words: 2028-11-22T04:51:12Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(moment: str) -> float:
    """The time of the clock that such words say. Raises ValueError for others."""
    return datetime.fromisoformat(moment).timestamp()


def settled(fleet: Fleet) -> Fleet:
    """The fleet of before a move that is under way; the fleet itself where none is."""
    if fleet.evictions_before is None:
        return fleet
    return fleet.model_copy(update={"evictions": fleet.evictions_before, "evictions_before": None})


def placed_by(fleet: Fleet, evictions: Evictions, before: Evictions | None = None) -> Fleet:
    """The fleet with these evictions, and with those of before where both placements are held."""
    return fleet.model_copy(update={"evictions": evictions, "evictions_before": before})


def decide(fleet: Fleet, looks: Mapping[str, Reachability], now: float, recovered: Collection[str] = ()) -> Choice:
    """Which shares are to be elsewhere, by what is known of the clusters and the evictions that `fleet` has.

    `recovered` are clusters whose shares come back now, as soon as they respond, whatever `recover` says.
    """
    if not any(look.answers for look in looks.values()):
        return Choice(fleet.evictions, {"": "no cluster responds, so that it may be this machine that is cut off"})
    wanted = {name: _wanted(fleet, name, looks, now, recovered) for name in fleet.propagations}
    return tenable(fleet, {name: clusters for name, clusters in wanted.items() if clusters})


def tenable(fleet: Fleet, wanted: Evictions) -> Choice:
    """The evictions of these that lead somewhere: the share has another home, and all propagations can be placed.

    Those that the fleet has are kept where new ones are not possible, and given up where they are not possible either.
    """
    chosen, staying = dict(wanted), dict[str, str]()
    while faults := propagation_faults(placed_by(fleet, chosen)):
        named = [fault.path.split(".")[1] for fault in faults if fault.path.startswith("propagations.")]
        blamed = [name for name in named if name in chosen] or [*chosen][-1:]
        if not blamed:
            # They are wrong as they are declared, which is told elsewhere.
            break
        for name in dict.fromkeys(blamed):
            staying[name] = f"cannot be placed without {', '.join(chosen[name])} ({faults[0].message})"
            _retreat(fleet, chosen, name)
    for name in [name for name, clusters in chosen.items() if clusters.keys() - fleet.evictions.get(name, {}).keys()]:
        after = placed_by(fleet, chosen)
        less = dict(chosen)
        _retreat(fleet, less, name)
        found = [move for move in moves(placed_by(fleet, less), after) if move.one.propagation == name]
        if not any(move.gains for move in found):
            chosen = less
            if found:
                staying[name] = f"has no share in {', '.join(wanted[name])} that others do not have"
    return Choice(chosen, staying)


def moves(before: Fleet, after: Fleet) -> list[Move]:
    """What each cluster gains and loses of each object between two placements of the same declaration."""
    found: list[Move] = []
    known = {(one.propagation, one.position): one for one in propagations(before).objects}
    for one in propagations(after).objects:
        other = known.get((one.propagation, one.position))
        if other is None or (other.copies == one.copies):
            continue
        for cluster in {**other.copies, **one.copies}:
            if cluster not in other.copies or cluster not in one.copies:
                found.append(_move(other, one, cluster, gains=cluster in one.copies))
            elif (had := _replicas(other, cluster)) != (has := _replicas(one, cluster)):
                found.append(_move(other, one, cluster, gains=(has or 0) > (had or 0)))
    return found


def _move(before: Propagated, after: Propagated, cluster: str, *, gains: bool) -> Move:
    return Move(after, cluster, _replicas(before, cluster), _replicas(after, cluster), gains)


def _replicas(one: Propagated, cluster: str) -> int | None:
    return None if one.replicas is None else one.replicas.get(cluster, 0)


def _wanted(
    fleet: Fleet, name: str, looks: Mapping[str, Reachability], now: float, recovered: Collection[str]
) -> dict[str, str]:
    """The clusters that a propagation is to be without, by how long they answer or do not."""
    failover = fleet.propagations[name].failover
    if failover is None:
        return {}
    recover = failover.recover_seconds
    found: dict[str, str] = {}
    for cluster, since in fleet.evictions.get(name, {}).items():
        look = looks.get(cluster)
        waited = look is not None and look.answers and recover is not None and look.seconds(now) >= recover
        asked = look is not None and look.answers and cluster in recovered
        if not (waited or asked):
            found[cluster] = since
    for cluster, look in looks.items():
        lost = not look.answers and look.seconds(now) >= failover.after_seconds
        if lost and cluster not in found and cluster in fleet.clusters:
            found[cluster] = moment(look.since)
    return found


def _retreat(fleet: Fleet, chosen: Evictions, name: str) -> None:
    """Leave a propagation with those evictions that it has already; with none where that is no less."""
    kept = {cluster: since for cluster, since in chosen[name].items() if cluster in fleet.evictions.get(name, {})}
    if kept and kept != chosen[name]:
        chosen[name] = kept
    else:
        del chosen[name]
