"""Division by highest averages: replicas are shared out in proportion to weights, in whole numbers.

Replicas go one by one to the cluster with the highest average, weight / (2 x replicas + 1). Two laws follow, since
that is the order of one queue for each cluster, merged: one more replica never takes one away from a cluster, and one
more cluster never gives another one more.

Sources: https://en.wikipedia.org/wiki/Webster/Sainte-Lagu%C3%AB_method and Balinski, Young: Fair Representation (1982)
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping


def divide(replicas: int, weights: Mapping[str, int], limits: Mapping[str, int] | None = None) -> dict[str, int]:
    """The replicas of each cluster of `weights`, in its order; fewer than `replicas` in all where limits allow no more.

    A cluster of weight 0 has none, one in `limits` at most that many. Of clusters with the same average the one with
    fewer replicas is first, then the one that stands first. In O(n log n) for n clusters, whatever the replicas.
    """
    limits = limits or {}
    found = dict.fromkeys(weights, 0)
    sharing = {name: weight for name, weight in weights.items() if weight > 0 and limits.get(name, 1) > 0}
    left = _certain(replicas, sharing, limits, found)
    _one_by_one(left, sharing, limits, found)
    return found


def _certain(replicas: int, sharing: dict[str, int], limits: Mapping[str, int], found: dict[str, int]) -> int:
    """Give each cluster the replicas that it gets in any case, without a queue. Returns how many are left, at most n.

    For every average q the clusters have w / 2q + 1/2 replicas, rounded down, with averages of at least q. With
    1 / q = (2 x replicas - n) / total that is no more than `replicas` altogether, so that all of them are among the
    first; and no more than n fewer. Clusters that reach their limit at q leave first, which lowers q for the others.
    """
    left, total, odd = replicas, sum(sharing.values()), 2 * replicas - len(sharing)
    for name in _by_limit(replicas, sharing, limits):
        weight, limit = sharing[name], limits[name]
        if (2 * limit - 1) * total > odd * weight:
            break
        found[name] = limit
        left, total, odd = left - limit, total - weight, odd - (2 * limit - 1)
        del sharing[name]
    if odd > 0:
        for name, weight in sharing.items():
            found[name] = (weight * odd + total) // (2 * total)
            left -= found[name]
    return left


def _by_limit(replicas: int, sharing: Mapping[str, int], limits: Mapping[str, int]) -> list[str]:
    """The clusters that may reach their limit, first the one whose last replica has the highest average."""
    capped = [name for name in sharing if limits.get(name, replicas) < replicas]
    # Fractions with denominators up to d differ by 1 / d² at least: scaled by d² their whole parts order them exactly.
    scale = 2 * max((sharing[name] for name in capped), default=0).bit_length()
    return sorted(capped, key=lambda name: ((2 * limits[name] - 1) << scale) // sharing[name])


def _one_by_one(left: int, sharing: Mapping[str, int], limits: Mapping[str, int], found: dict[str, int]) -> None:
    """Give the replicas that are left to the highest averages."""
    if left <= 0:
        return
    names = [name for name in sharing if found[name] < limits.get(name, found[name] + 1)]
    # As above: no denominator is larger than that of a cluster with all replicas.
    scale = 2 * (2 * (max(found.values(), default=0) + left) + 1).bit_length()
    queue = [
        (-((sharing[name] << scale) // (2 * found[name] + 1)), found[name], position)
        for position, name in enumerate(names)
    ]
    heapq.heapify(queue)
    while left and queue:
        _, count, position = queue[0]
        name, count = names[position], count + 1
        found[name] = count
        left -= 1
        if count < limits.get(name, count + 1):
            average = -((sharing[name] << scale) // (2 * count + 1))
            heapq.heapreplace(queue, (average, count, position))
        else:
            heapq.heappop(queue)
