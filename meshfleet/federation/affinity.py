"""Whether a cluster is selected and tolerated, and why not, in words.

Sources: https://karmada.io/docs/userguide/scheduling/propagation-policy/#cluster-affinity and
https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import attrgetter

from meshfleet.errors.faults import Fault
from meshfleet.federation.candidates import Candidate
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.propagation.placement import Taint, Toleration
from meshfleet.topology.service_scope import LabelRequirement

LISTED = 5
"""How many values a reason names; with 100 clusters by name it would be longer than a screen."""


_REASONS = 3

Requirement = Callable[[Candidate], str]
"""What a cluster lacks, in words; empty where it has it."""


def mismatch(affinity: ClusterAffinity, cluster: Candidate) -> str:
    """The first requirement of an affinity that a cluster does not meet, in words; empty where it is selected."""
    return unmet(requirements(affinity), cluster)


def unmet(wanted: Iterable[Requirement], cluster: Candidate) -> str:
    """The first requirement that a cluster does not meet, in words; empty where it meets all."""
    for requirement in wanted:
        if why := requirement(cluster):
            return why
    return ""


def selecting_nothing(
    path: str, selectors: Iterable[tuple[str, ClusterAffinity]], clusters: Sequence[Candidate]
) -> Iterator[Fault]:
    """Yield a fault for each selector, each with its path below `path`, that selects none of these clusters."""
    for place, affinity in selectors:
        wanted = requirements(affinity)
        reasons = [f"{cluster.name}: {why}" for cluster in clusters if (why := unmet(wanted, cluster))]
        if len(reasons) == len(clusters):
            more = f"; and {len(reasons) - _REASONS} more" if len(reasons) > _REASONS else ""
            yield Fault(f"{path}.{place}", f"selects no cluster ({'; '.join(reasons[:_REASONS])}{more})")


def requirements(affinity: ClusterAffinity) -> tuple[Requirement, ...]:
    """The requirements of an affinity, read once for all clusters.

    A property that a cluster does not declare is in no list of an affinity.
    """
    excluded = frozenset(affinity.exclude_clusters)
    found: list[Requirement] = []
    if excluded:
        found.append(lambda cluster: "excluded by name" if cluster.name in excluded else "")
    if affinity.cluster_names:
        found.append(_among("name", attrgetter("name"), affinity.cluster_names))
    if affinity.providers:
        found.append(_among("provider", attrgetter("provider"), affinity.providers))
    if affinity.regions:
        found.append(_among("region", attrgetter("region"), affinity.regions))
    if affinity.zones:
        found.append(_among("zone", attrgetter("zone"), affinity.zones))
    found += (_label(key, value) for key, value in affinity.match_labels.items())
    found += (partial(_unmet, requirement) for requirement in affinity.match_expressions)
    return tuple(found)


def untolerated(tolerations: Sequence[Toleration], cluster: Candidate) -> str:
    """The first taint of a cluster that no toleration covers, in words; empty where all are tolerated.

    A placement follows from the declaration alone, without memory of what was placed before. So `NoExecute` and
    `NoSchedule` keep propagations away alike: what is there already leaves as it does for any other change.
    """
    for taint in cluster.taints:
        if not any(_tolerates(each, taint) for each in tolerations):
            value = f"={taint.value}" if taint.value else ""
            return f"taint {taint.key}{value}:{taint.effect} is not tolerated"
    return ""


def listed(values: Iterable[str], most: int = LISTED) -> str:
    """Values in words, cut after `most` of them."""
    all_of_them = tuple(values)
    more = len(all_of_them) - most
    return ", ".join(all_of_them[:most]) + (f" and {more} more" if more > 0 else "")


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect not in (None, taint.effect) or toleration.key not in (None, taint.key):
        return False
    return toleration.operator == "Exists" or toleration.value == taint.value


def _among(what: str, of: Callable[[Candidate], str], allowed: Sequence[str]) -> Requirement:
    values, none_of = frozenset(allowed) - {""}, f"none of {listed(map(_value, allowed))}"

    def missing(cluster: Candidate) -> str:
        value = of(cluster)
        if value in values:
            return ""
        return f"{what} {value} is {none_of}" if value else f"no {what}, {none_of}"

    return missing


def _label(key: str, wanted: str) -> Requirement:
    def missing(cluster: Candidate) -> str:
        found = cluster.labels.get(key)
        if found == wanted:
            return ""
        return f"no label {key}" if found is None else f"label {key} is {_value(found)}, not {_value(wanted)}"

    return missing


def _unmet(requirement: LabelRequirement, cluster: Candidate) -> str:
    """Why a cluster does not meet a requirement, as label selectors of Kubernetes define it.

    Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#set-based-requirement
    """
    key, found = requirement.key, cluster.labels.get(requirement.key)
    match requirement.operator:
        case "In" if found is None:
            return f"no label {key}"
        case "In" if found not in requirement.values:
            return f"label {key} is {_value(found)}, none of {listed(map(_value, requirement.values))}"
        case "NotIn" if found is not None and found in requirement.values:
            return f"label {key} is {_value(found)}"
        case "Exists" if found is None:
            return f"no label {key}"
        case "DoesNotExist" if found is not None:
            return f"label {key} is there"
        case _:
            return ""


def _value(value: str | None) -> str:
    return value or "empty"
