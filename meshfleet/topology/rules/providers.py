"""What each provider says about the stack file, and the providers that cannot be used yet."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.providers.registry import BUILT, NAMES, NOT_BUILT, provider_of
from meshfleet.topology.draft import Draft


def of_providers(draft: Draft) -> Iterator[Fault]:
    """Yield the faults of the rules of each provider that a cluster has, in the order of the registry."""
    used = {cluster.provider for cluster in draft.clusters.values()}
    for name in NAMES:
        for rule in provider_of(name).rules if name in used else ():
            yield from rule(draft)


def support(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each cluster whose provider this release does not create."""
    for name, cluster in draft.clusters.items():
        if cluster.provider in NOT_BUILT:
            usage = ", or ".join(provider_of(one).usage for one in BUILT)
            yield Fault(
                f"clusters.{name}.{cluster.provider}",
                f"this release does not create such clusters ({', '.join(NOT_BUILT)} are to come); use {usage}",
            )
