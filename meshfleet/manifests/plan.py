"""Everything each cluster gets, in the order it is applied, with placeholders for what only a run can know."""

from __future__ import annotations

from collections.abc import Sequence

from meshfleet.manifests import registry
from meshfleet.manifests.additions import with_additions
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.manifests.section import Document, Known, Section
from meshfleet.topology import Fleet


def fleet_plan(fleet: Fleet) -> dict[str, list[Document]]:
    """The plan of every cluster, by cluster name in the order of the stack file."""
    return {cluster: cluster_plan(fleet, cluster) for cluster in fleet.clusters}


def cluster_plan(fleet: Fleet, cluster: str) -> list[Document]:
    """What one cluster gets. Names are unique within the cluster and equal those of the Pulumi resources.

    Raises DocumentError for an addition of the user that does not fit.
    """
    return list(with_additions(fleet, cluster, own_plan(fleet, cluster)))


def own_plan(fleet: Fleet, cluster: str) -> list[Document]:
    """What one cluster gets before anything of the user is added to it."""
    known = Placeholders(fleet)
    return [document for section in registry.in_order() for document in documents_in(section, fleet, cluster, known)]


def documents_in(section: Section, fleet: Fleet, cluster: str, known: Known) -> Sequence[Document]:
    """The documents of a section that are in a cluster, also those of other clusters."""
    return [
        document
        for owner in (cluster, *section.others(fleet, cluster))
        for document in section.documents(fleet, owner, known)
        if (document.cluster or owner) == cluster
    ]
