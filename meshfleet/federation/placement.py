"""Where an object goes: its clusters, the replicas in each, and why the others are left out.

A placement follows from the declaration and from what is free, without memory: the same stack file gives the same
placement, and a change that is taken back leads back to it.

Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from meshfleet.federation.candidates import Candidate
from meshfleet.federation.capacity import Free
from meshfleet.federation.eligibility import Group, groups
from meshfleet.federation.fitting import Fit, Need, fit
from meshfleet.topology.propagation.placement import Placement


@dataclass(frozen=True)
class Decision:
    """Where an object goes.

    `clusters` are in the order of their names, and so are `replicas`, None for an object that has none.
    `left_out` has every other cluster with the reason. `affinity` names the group that is taken, several where
    replicas overflow; `passed_over` has the groups before it with why they do not fit. `pending` is empty unless
    something is placed nowhere: then it says what and why.
    """

    clusters: tuple[str, ...]
    affinity: str
    left_out: Mapping[str, str]
    replicas: Mapping[str, int] | None
    pending: str
    passed_over: Mapping[str, str]


def place(placement: Placement, candidates: Sequence[Candidate], need: Need | None, free: Free) -> Decision:
    """Where one object goes. `need` is None for an object without replicas, which goes to all chosen clusters.

    What it takes is still free in `free`: the next one is placed with `free.less(need.requests, decision.replicas)`.
    """
    return place_in(groups(placement, candidates), placement, candidates, need, free)


def place_in(
    alternatives: Sequence[Group], placement: Placement, candidates: Sequence[Candidate], need: Need | None, free: Free
) -> Decision:
    """As `place`, with the `groups` of the placement, which are the same for all objects of a propagation.

    The first group that fits is taken. Where none does, what can be placed is in the group that holds the most.
    """
    if len(alternatives) == 1:
        return _into_one(alternatives[0], fit(alternatives[0], placement, need, free), candidates)
    tried: list[Fit] = []
    for group in alternatives:
        tried.append(fit(group, placement, need, free))
        if not tried[-1].why:
            break
    last = len(tried) - 1
    at = max(range(len(tried)), key=lambda at: (tried[at].placed, -at)) if tried[last].why else last
    taken, name = tried[at], alternatives[at].name
    unfit = {group.name: each.why for group, each in zip(alternatives, tried, strict=False) if each.why}
    chosen = frozenset(taken.clusters)
    others = (cluster.name for cluster in candidates if cluster.name not in chosen)
    return Decision(
        taken.clusters,
        name if chosen else "",
        {other: _why_not(other, at, alternatives, tried) for other in others},
        taken.replicas,
        "; ".join(f"{group}: {why}" for group, why in unfit.items()) if taken.why else "",
        {group: why for group, why in unfit.items() if group != name or not chosen},
    )


def beside(
    decision: Decision, workloads: Sequence[Decision], candidates: Sequence[Candidate], *, bound: bool = False
) -> Decision:
    """Where an object without replicas goes, placed by `decision`, that stands beside workloads in a propagation.

    Capacity may lead workloads to another group, or to other clusters of a spread. A ConfigMap that is not there would
    keep their pods from starting: then it goes where the workloads are. Where others of their groups
    have `bound` them, it goes nowhere else either.
    """
    needed = frozenset(name for workload in workloads for name in workload.clusters)
    own = frozenset(decision.clusters)
    if needed == own or (needed < own and not bound):
        return decision
    affinities = dict.fromkeys(workload.affinity for workload in workloads if workload.affinity)
    return Decision(
        tuple(cluster.name for cluster in candidates if cluster.name in needed),
        ", ".join(affinities),
        {
            cluster.name: "no workload: "
            + "; ".join(dict.fromkeys(workload.left_out[cluster.name] for workload in workloads))
            for cluster in candidates
            if cluster.name not in needed
        },
        None,
        "",
        decision.passed_over,
    )


def _into_one(group: Group, found: Fit, candidates: Sequence[Candidate]) -> Decision:
    """The decision for the only group there is."""
    clusters, replicas = found.clusters, found.replicas
    if len(group.tiers) > 1:
        # Those come tier by tier.
        chosen = frozenset(clusters)
        clusters = tuple(cluster.name for cluster in candidates if cluster.name in chosen)
        replicas = None if replicas is None else {name: replicas[name] for name in clusters}
    affinity = ", ".join(found.tiers) or (group.name if clusters else "")
    return Decision(clusters, affinity, {**group.left_out, **found.left_out}, replicas, found.why, {})


def _why_not(cluster: str, at: int, alternatives: Sequence[Group], tried: Sequence[Fit]) -> str:
    """Why a cluster is left out: by the group that is taken, or by the order of the groups."""
    group = alternatives[at]
    if own := tried[at].left_out.get(cluster):
        return own
    for other, each in zip(alternatives, tried, strict=False):
        if cluster not in other.left_out and other is not group:
            return f"{other.name} does not fit: {each.why}"
    for other in alternatives[len(tried) :]:
        if cluster not in other.left_out:
            return f"{group.name} comes before {other.name}"
    return group.left_out[cluster]
