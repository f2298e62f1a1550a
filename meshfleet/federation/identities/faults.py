"""What is wrong with the identities of a fleet, seen once bindings are placed. Pure.

What a stack file alone shows is in the rules of the topology (rules/identities.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.federation.affinity import listed, selecting_nothing
from meshfleet.federation.candidates import candidates
from meshfleet.federation.identities.authors import author_faults
from meshfleet.federation.identities.grants import grants
from meshfleet.federation.propagated import propagations
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.propagation.kinds import NAMESPACE

_EVERYWHERE = "default"


def identity_faults(fleet: Fleet) -> list[Fault]:
    """Every fault of the identities of a fleet, but for those that the stack file alone shows."""
    if not fleet.identities.bindings:
        return []
    return [*_selecting_nothing(fleet), *_namespaces(fleet), *author_faults(fleet)]


def _selecting_nothing(fleet: Fleet) -> Iterator[Fault]:
    clusters = candidates(fleet)
    for grant in grants(fleet).bindings:
        if grant.clusters:
            continue
        affinity = fleet.identities.bindings[grant.binding].cluster_affinity
        yield from selecting_nothing(f"identities.bindings.{grant.binding}", [("clusterAffinity", affinity)], clusters)


def _namespaces(fleet: Fleet) -> Iterator[Fault]:
    """Namespaces that a cluster does not have. What is in one that was there before the fleet is not known."""
    there = {
        name: {_EVERYWHERE, *fleet.namespaces_of(name), *_propagated(fleet, name)}
        for name, cluster in fleet.clusters.items()
        if cluster.capabilities.ends_with_stack
    }
    placed = grants(fleet)
    for grant in placed.bindings:
        for position, namespace in enumerate(grant.namespaces):
            without = [name for name in grant.clusters if name in there and namespace not in there[name]]
            if without:
                yield Fault(
                    f"identities.bindings.{grant.binding}.namespaces[{position}]",
                    f"the namespace {namespace} does not exist in {listed(without)}; declare it in namespaces, or "
                    "choose other clusters in clusterAffinity",
                )
    for account, declared in fleet.identities.service_accounts.items():
        without = [
            name
            for name, known in there.items()
            if account in placed.accounts_of(name) and declared.namespace not in known
        ]
        if without:
            yield Fault(
                f"identities.serviceAccounts.{account}.namespace",
                f"the namespace {declared.namespace} does not exist in {listed(without)}, where something is bound to "
                "it; declare it in namespaces, or bind it in other clusters",
            )


def _propagated(fleet: Fleet, cluster: str) -> tuple[str, ...]:
    """The namespaces that propagations create in a cluster."""
    return tuple(one.key.name for one in propagations(fleet).of(cluster) if one.key[:2] == NAMESPACE)
