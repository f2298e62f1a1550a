"""Service accounts of the stack file that the fleet makes as well, found by the documents of every cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.federation.identities.faults import identity_faults
from meshfleet.federation.identities.grants import grants
from meshfleet.manifests import identities as section
from meshfleet.manifests import propagations, registry
from meshfleet.manifests.objects import Release
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.manifests.plan import documents_in
from meshfleet.topology import Fleet
from meshfleet.topology.propagation.kinds import ObjectKey, key_of

# What these two make is compared where propagations are.
_COMPARED_ELSEWHERE = (section.SECTION, propagations.SECTION)


def faults_of_identities(fleet: Fleet) -> list[Fault]:
    """Every fault of the identities of a fleet that the stack file alone does not show."""
    return identity_faults(fleet) or [*_made_twice(fleet)]


def _made_twice(fleet: Fleet) -> Iterator[Fault]:
    declared, placed, known = fleet.identities, grants(fleet), Placeholders(fleet)
    told: set[str] = set()
    for cluster in fleet.clusters:
        accounts = {
            ObjectKey("", "ServiceAccount", *declared.account(name)): name
            for name in placed.accounts_of(cluster)
            if declared.service_accounts[name].create
        }
        for one in registry.SECTIONS if accounts else ():
            for document in documents_in(one, fleet, cluster, known) if one not in _COMPARED_ELSEWHERE else ():
                if isinstance(document.body, Release) or document.server:
                    continue
                name = accounts.get(key_of(document.body))
                if name is not None and name not in told:
                    told.add(name)
                    yield Fault(
                        f"identities.serviceAccounts.{name}",
                        f"is an account that the fleet makes in {cluster} from {document.decided_by}; "
                        "set create: false, or give it another name",
                    )
