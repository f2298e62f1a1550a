"""What selectors of propagations name is there: clusters, providers, regions, zones and labels.

Whether a whole selector, with all of its requirements, selects a cluster is seen once clusters are placed
(federation/faults.py).
Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.propagation.propagation import Propagation

_LISTED = 10


@dataclass(frozen=True)
class Known:
    """What the clusters of a fleet have that a selector can name. Labels are their values by key."""

    clusters: tuple[str, ...]
    providers: tuple[str, ...]
    regions: tuple[str, ...]
    zones: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]
    complete: bool


def propagations(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each name in a selector of a propagation that no cluster has."""
    if not draft.propagations:
        return
    known = known_to_selectors(draft)
    for name, propagation in draft.propagations.items():
        path = f"propagations.{name}"
        yield from unknown_names(draft, path, affinities(propagation), known)
        for position, constraint in enumerate(propagation.placement.spread_constraints):
            label = constraint.spread_by_label
            if label and known.complete and label not in known.labels:
                yield Fault(
                    f"{path}.placement.spreadConstraints[{position}].spreadByLabel",
                    f"no cluster has the label {label}; known are {_listed(known.labels)}",
                )


def unknown_names(
    draft: Draft, path: str, selectors: Iterable[tuple[str, ClusterAffinity]], known: Known | None = None
) -> Iterator[Fault]:
    """Yield a fault for each name in selectors, each with its path below `path`, that no cluster has."""
    found = known or known_to_selectors(draft)
    for place, affinity in selectors:
        yield from unknown_in(f"{path}.{place}", affinity, found)


def affinities(propagation: Propagation) -> Iterator[tuple[str, ClusterAffinity]]:
    """Each selector of clusters of a propagation, with its path in it."""
    placement = propagation.placement
    if placement.cluster_affinity:
        yield "placement.clusterAffinity", placement.cluster_affinity
    for key, named in (
        ("clusterAffinities", placement.cluster_affinities),
        ("overflowAffinities", placement.overflow_affinities),
    ):
        for position, affinity in enumerate(named):
            yield f"placement.{key}[{position}]", affinity
    for position, weight in enumerate(placement.replica_scheduling.static_weights):
        yield f"placement.replicaScheduling.staticWeights[{position}].targetClusters", weight.target_clusters
    for position, override in enumerate(propagation.overrides):
        yield f"overrides[{position}].targetClusters", override.target_clusters
    for position, wave in enumerate(propagation.rollout.waves if propagation.rollout else ()):
        if wave.target_clusters is not None:
            yield f"rollout.waves[{position}].targetClusters", wave.target_clusters


def known_to_selectors(draft: Draft) -> Known:
    """What selectors of clusters can name."""
    clusters = draft.clusters.values()
    labels: dict[str, dict[str, None]] = {}
    for cluster in clusters:
        for key, value in cluster.labels.items():
            labels.setdefault(key, {})[value] = None
    return Known(
        clusters=draft.names["clusters"],
        providers=tuple(dict.fromkeys(cluster.provider for cluster in clusters)),
        regions=tuple(dict.fromkeys(cluster.region for cluster in clusters if cluster.region)),
        zones=tuple(dict.fromkeys(cluster.zone for cluster in clusters if cluster.zone)),
        labels={key: tuple(values) for key, values in sorted(labels.items())},
        # What an unreadable cluster has is not known.
        complete=len(draft.clusters) == len(draft.names["clusters"]),
    )


def unknown_in(path: str, affinity: ClusterAffinity, known: Known) -> Iterator[Fault]:
    """Yield a fault for each name in a selector, at `path`, that no cluster has."""
    yield from _names(f"{path}.clusterNames", "cluster", affinity.cluster_names, known.clusters)
    yield from _names(f"{path}.excludeClusters", "cluster", affinity.exclude_clusters, known.clusters)
    if not known.complete:
        return
    yield from _names(f"{path}.providers", "cluster of the provider", affinity.providers, known.providers)
    yield from _names(f"{path}.regions", "cluster in the region", affinity.regions, known.regions)
    yield from _names(f"{path}.zones", "cluster in the zone", affinity.zones, known.zones)
    for key, value in affinity.match_labels.items():
        yield from _label(f"{path}.matchLabels.{key}", key, (value,), known)
    for position, requirement in enumerate(affinity.match_expressions):
        # What a cluster is not to have may be missing everywhere.
        if requirement.operator in ("In", "Exists"):
            yield from _label(f"{path}.matchExpressions[{position}]", requirement.key, requirement.values, known)


def _names(path: str, what: str, given: tuple[str, ...], known: tuple[str, ...]) -> Iterator[Fault]:
    for position, name in enumerate(given):
        if name in given[:position]:
            yield Fault(f"{path}[{position}]", f"{shown(name)} is given twice; name each once")
        elif name not in known:
            yield Fault(f"{path}[{position}]", f"there is no {what} {shown(name)}; known are {_listed(known)}")


def _label(path: str, key: str, values: tuple[str, ...], known: Known) -> Iterator[Fault]:
    if key not in known.labels:
        yield Fault(path, f"no cluster has the label {key}; known are {_listed(known.labels)}")
    elif missing := [value for value in values if value not in known.labels[key]]:
        yield Fault(
            path,
            f"no cluster has the label {key} with the value {shown(missing[0])}; known are "
            f"{_listed(map(shown, known.labels[key]))}",
        )


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _LISTED} more" if len(every) > _LISTED else ""
    return (", ".join(every[:_LISTED]) or "none") + more
