"""How one object fits into one group of clusters: which are chosen, and how many replicas each of them has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from meshfleet.federation.affinity import listed
from meshfleet.federation.capacity import NOTHING, Free, Requests
from meshfleet.federation.eligibility import Group
from meshfleet.federation.sharing import room, share
from meshfleet.federation.spreading import Eligible, Spread, spread
from meshfleet.topology.propagation.placement import Placement

REASONS = 3
"""How many clusters a summary names with their reasons; each cluster has its own beside it."""


@dataclass(frozen=True)
class Need:
    """What a workload needs: its replicas, and the requests of each."""

    replicas: int
    requests: Requests = NOTHING


@dataclass(frozen=True)
class Fit:
    """The clusters of a group that an object goes to, with its replicas there; None for an object that has none.

    `tiers` names those that hold replicas. `left_out` says why other eligible clusters are not used. `why` is empty
    where the group fits; otherwise it says what is missing, and `clusters` hold what can be placed all the same.
    """

    clusters: tuple[str, ...]
    replicas: Mapping[str, int] | None
    left_out: Mapping[str, str]
    why: str = ""
    tiers: tuple[str, ...] = ()

    @property
    def placed(self) -> int:
        """The replicas that are placed."""
        return sum((self.replicas or {}).values())


@dataclass
class _Sifted:
    """The eligible clusters that can hold a replica, why others cannot, and how many fit where capacity limits."""

    eligible: list[Eligible] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    fits: dict[str, int | None] | None = None


def fit(group: Group, placement: Placement, need: Need | None, free: Free) -> Fit:
    """How an object fits into a group. `need` is None for an object without replicas."""
    sifted = _sifted(group, placement, need, free)
    chosen = spread(placement.spread_constraints, sifted.eligible)
    left_out = {**sifted.left_out, **chosen.left_out}
    if not chosen.chosen:
        why = chosen.unmet or _none_eligible(left_out or group.left_out)
        unused = {each.cluster.name: why for each in sifted.eligible}
        return Fit((), None if need is None else {}, unused | left_out, why)
    clusters = tuple(each.cluster.name for each in sifted.eligible if each.cluster.name in chosen.chosen)
    if need is None:
        return Fit(clusters, None, left_out)
    if not need.replicas or not _divides(placement):
        return Fit(clusters, dict.fromkeys(clusters, need.replicas), left_out)
    return _divided(group, placement, need.replicas, chosen, _Sifted(sifted.eligible, left_out, sifted.fits))


def _divides(placement: Placement) -> bool:
    return placement.replica_scheduling.replica_scheduling_type == "Divided"


def _sifted(group: Group, placement: Placement, need: Need | None, free: Free) -> _Sifted:
    """What can hold a replica. Without replicas to divide that is every eligible cluster."""
    found = _Sifted()
    divided = need is not None and _divides(placement)
    by_capacity = placement.replica_scheduling.by_capacity or bool(placement.overflow_affinities)
    if need is not None and need.replicas and divided and by_capacity:
        found.fits = free.fits((cluster.name for cluster in group.clusters), need.requests)
    weights, fits = (group.weights if divided else None), found.fits
    for at, tier in enumerate(group.tiers):
        for position, cluster in enumerate(tier.clusters):
            name = cluster.name
            if weights is not None and not weights.get(name):
                found.left_out[name] = f"{'weight 0' if name in weights else 'no weight'} in staticWeights"
            elif need is None or fits is None:
                found.eligible.append(Eligible(cluster, position, at))
            elif fits[name] == 0:
                found.left_out[name] = free.rooms[name].lacking(need.requests)
            else:
                found.eligible.append(Eligible(cluster, position, at, room(fits[name])))
    return found


def _divided(group: Group, placement: Placement, replicas: int, chosen: Spread, sifted: _Sifted) -> Fit:
    """The replicas by cluster: each tier is filled before the next has any."""
    found: dict[str, int] = {}
    tiers: list[str] = []
    left = replicas
    for tier in group.tiers:
        clusters = [cluster.name for cluster in tier.clusters if cluster.name in chosen.chosen]
        shares = share(placement.replica_scheduling, left, clusters, group.weights, sifted.fits, chosen.core)
        held = "" if left else f", held by {listed(tiers)}"
        sifted.left_out |= {
            name: f"none of the {replicas} replicas{held}" for name, count in shares.items() if not count
        }
        found |= {name: count for name, count in shares.items() if count}
        if placed := sum(shares.values()):
            tiers.append(tier.name)
            left -= placed
    there = f"; there is room for {replicas - left} in {listed(found)}"
    why = f"{left} of {replicas} replicas fit nowhere{there}" if left else ""
    return Fit(tuple(found), found, sifted.left_out, why, tuple(filter(None, tiers)))


def _none_eligible(reasons: Mapping[str, str]) -> str:
    named: Sequence[str] = [f"{name}: {why}" for name, why in reasons.items()]
    more = f"; and {len(named) - REASONS} more" if len(named) > REASONS else ""
    return f"no cluster is eligible ({'; '.join(named[:REASONS])}{more})" if named else "there is no cluster"
