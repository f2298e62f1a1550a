"""The order in which the propagated objects of a cluster come: by tier, and each after what it refers to."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from heapq import heapify, heappop, heappush
from typing import Final

from meshfleet.federation.dependency_cycles import edges
from meshfleet.federation.propagated import Propagated
from meshfleet.topology.propagation.kinds import SCOPES, ObjectKey


class Tier(IntEnum):
    """The order within a propagation: what is of one tier waits for the tier before it."""

    FOUNDATION = 0
    """Definitions, namespaces, classes and other objects of no namespace that objects refer to."""
    CONFIGURATION = 1
    """What pods read or are subject to: accounts, rights, configuration, volumes, Services, custom resources."""
    PODS = 2
    """What makes pods, and what scales it."""
    WEBHOOKS = 3
    """What API servers ask or hand requests on to, which is served by pods."""


_LAST: Final = {
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiregistration.k8s.io", "APIService"),
}
# Kind -> whether a template of pods that changes recreates its pods; the others keep theirs, or refuse the change.
PODS: Final = {
    ("", "Pod"): False,
    ("", "ReplicationController"): False,
    ("apps", "DaemonSet"): True,
    ("apps", "Deployment"): True,
    ("apps", "ReplicaSet"): False,
    ("apps", "StatefulSet"): True,
    ("batch", "CronJob"): False,
    ("batch", "Job"): False,
}
_SCALING: Final = {("autoscaling", "HorizontalPodAutoscaler"), ("policy", "PodDisruptionBudget")}
# Rights are of no namespace and are read by pods all the same.
_RIGHTS: Final = {("rbac.authorization.k8s.io", "ClusterRole"), ("rbac.authorization.k8s.io", "ClusterRoleBinding")}


def tier(kind: tuple[str, str]) -> Tier:
    """The tier of a kind, by its group and name."""
    if kind in _LAST:
        return Tier.WEBHOOKS
    if kind in PODS or kind in _SCALING:
        return Tier.PODS
    in_namespace = SCOPES.get(kind, True)
    return Tier.CONFIGURATION if in_namespace or kind in _RIGHTS else Tier.FOUNDATION


def in_order(objects: Sequence[Propagated], cluster: str) -> list[Propagated]:
    """The objects of a cluster by tier and then in the order of the stack file, but after what each refers to there.

    So an object that refers to one of a later tier comes after it. Raises ValueError for objects in a cycle, which
    are faults of the propagations before.
    """
    by_tier = sorted(objects, key=lambda one: tier(one.key[:2]))
    if not any(one.requires.get(cluster) for one in objects):
        return by_tier
    place = {one.key: at for at, one in enumerate(by_tier)}
    after = {key: set(keys) for key, keys in edges(objects, cluster).items()}
    before: dict[ObjectKey, list[ObjectKey]] = {}
    for key, keys in after.items():
        for other in keys:
            before.setdefault(other, []).append(key)
    free = [place[key] for key, keys in after.items() if not keys]
    heapify(free)
    found: list[Propagated] = []
    while free:
        one = by_tier[heappop(free)]
        found.append(one)
        for key in before.get(one.key, ()):
            after[key].discard(one.key)
            if not after[key]:
                heappush(free, place[key])
    if len(found) < len(by_tier):
        raise ValueError(f"propagated objects of {cluster} refer to each other in a cycle")
    return found
