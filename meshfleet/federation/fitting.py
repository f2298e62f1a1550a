"""How one object fits into one group of clusters: which are chosen, and how many replicas each of them has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from meshfleet.federation.affinity import listed
from meshfleet.federation.capacity import NOTHING, Free, Requests
from meshfleet.federation.eligibility import Group
from meshfleet.federation.sharing import room, share
from meshfleet.federation.spreading import Eligible, spread
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


@dataclass(frozen=True)
class _Choice:
    """The clusters that are chosen, tier by tier, with what is known of them where capacity limits."""

    tiers: Sequence[Sequence[str]]
    core: frozenset[str]
    left_out: dict[str, str]
    fits: Mapping[str, int | None] | None

    @property
    def clusters(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(chain.from_iterable(self.tiers))


def fit(group: Group, placement: Placement, need: Need | None, free: Free) -> Fit:
    """How an object fits into a group. `need` is None for an object without replicas."""
    left_out, fits = _unable(group, placement, need, free)
    tiers: list[Sequence[str]] = [tier.names for tier in group.tiers]
    if left_out:
        tiers = [[name for name in names if name not in left_out] for names in tiers]
    unmet, core = "", frozenset[str]()
    if placement.spread_constraints:
        found = spread(placement.spread_constraints, _eligible(group, left_out, fits))
        unmet, core = found.unmet, found.core
        left_out |= dict.fromkeys(chain.from_iterable(tiers), unmet) if unmet else {}
        left_out |= found.left_out
        tiers = [[name for name in names if name in found.chosen] for names in tiers]
    if not any(tiers):
        why = unmet or _none_eligible(left_out or group.left_out)
        return Fit((), None if need is None else {}, left_out, why)
    choice = _Choice(tiers, core, left_out, fits)
    if need is None:
        return Fit(choice.clusters, None, left_out)
    if not need.replicas or not _divides(placement):
        return Fit(choice.clusters, dict.fromkeys(choice.clusters, need.replicas), left_out)
    return _divided(group, placement, need.replicas, choice)


def _divides(placement: Placement) -> bool:
    return placement.replica_scheduling.replica_scheduling_type == "Divided"


def _unable(
    group: Group, placement: Placement, need: Need | None, free: Free
) -> tuple[dict[str, str], dict[str, int | None] | None]:
    """Why eligible clusters can hold no replica of their own, and how many fit where capacity limits."""
    if need is None or not _divides(placement):
        return {}, None
    left_out = dict(group.unweighted)
    if not need.replicas or not placement.by_capacity:
        return left_out, None
    fits = free.fits((name for tier in group.tiers for name in tier.names if name not in left_out), need.requests)
    left_out |= {name: free.rooms[name].shortage(need.requests) for name, most in fits.items() if most == 0}
    return left_out, fits


def _eligible(group: Group, left_out: Mapping[str, str], fits: Mapping[str, int | None] | None) -> list[Eligible]:
    return [
        Eligible(cluster, position, at, 0 if fits is None else room(fits[cluster.name]))
        for at, tier in enumerate(group.tiers)
        for position, cluster in enumerate(tier.clusters)
        if cluster.name not in left_out
    ]


def _divided(group: Group, placement: Placement, replicas: int, choice: _Choice) -> Fit:
    """The replicas by cluster: each tier is filled before the next has any."""
    found: dict[str, int] = {}
    tiers: list[str] = []
    left_out, left = choice.left_out, replicas
    for tier, clusters in zip(group.tiers, choice.tiers, strict=True):
        shares = share(placement.replica_scheduling, left, clusters, group.weights, choice.fits, choice.core)
        none = f"none of the {replicas} replicas" + ("" if left else f", held by {listed(tiers)}")
        for name, count in shares.items():
            if count:
                found[name] = count
            else:
                left_out[name] = none
        if placed := sum(shares.values()):
            tiers.append(tier.name)
            left -= placed
    there = f"; there is room for {replicas - left} in {listed(found)}"
    why = f"{left} of {replicas} replicas fit nowhere{there}" if left else ""
    return Fit(tuple(found), found, left_out, why, tuple(filter(None, tiers)))


def _none_eligible(reasons: Mapping[str, str]) -> str:
    named: Sequence[str] = [f"{name}: {why}" for name, why in reasons.items()]
    more = f"; and {len(named) - REASONS} more" if len(named) > REASONS else ""
    return f"no cluster is eligible ({'; '.join(named[:REASONS])}{more})" if named else "there is no cluster"
