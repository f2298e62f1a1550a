"""The propagated objects of each cluster as they are declared, additions of the user included."""

from __future__ import annotations

from meshfleet.federation.propagated import propagations
from meshfleet.manifests.additions import with_additions
from meshfleet.manifests.objects import Object, Release
from meshfleet.manifests.propagations import member_documents
from meshfleet.topology import Fleet


def propagated_documents(fleet: Fleet, cluster: str) -> dict[str, Object]:
    """The objects of a cluster by the names of their documents, in the order in which they are applied.

    Raises TopologyError for propagations that cannot be placed, DocumentError for an addition that does not fit.
    """
    if not propagations(fleet).of(cluster):
        return {}
    documents = with_additions(fleet, cluster, member_documents(fleet, cluster))
    return {document.name: document.body for document in documents if not isinstance(document.body, Release)}
