"""Which clusters an object may go to: by name, by label, by what provides them and by where they are.

Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/#cluster-affinity
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from meshfleet.topology.labels import LabelKey, LabelValue
from meshfleet.topology.model import Model
from meshfleet.topology.names import Label
from meshfleet.topology.service_scope import LabelRequirement


class ClusterAffinity(Model):
    """A selection of clusters, each of whose requirements must be met; an empty one selects every cluster.

    Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/#cluster-affinity
    """

    cluster_names: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The clusters by name."""
    exclude_clusters: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The clusters that are left out, by name, whatever else selects them."""
    match_labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """The labels that a cluster has."""
    match_expressions: Annotated[tuple[LabelRequirement, ...], Field(strict=False)] = ()
    """Requirements for its labels."""
    providers: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The providers of the clusters, such as `embedded` or `eks`."""
    regions: Annotated[tuple[LabelValue, ...], Field(strict=False)] = ()
    """The regions of the clusters."""
    zones: Annotated[tuple[LabelValue, ...], Field(strict=False)] = ()
    """The zones of the clusters."""

    @model_validator(mode="after")
    def _lists_hold_something(self) -> ClusterAffinity:
        # An empty list reads as no cluster, and would select all of them.
        for field in ("cluster_names", "exclude_clusters", "providers", "regions", "zones", "match_expressions"):
            if field in self.model_fields_set and not getattr(self, field):
                key = type(self).model_fields[field].alias
                raise ValueError(f"{key} is empty; give at least one entry, or leave the list out")
        return self


class NamedClusterAffinity(ClusterAffinity):
    """One of several cluster affinities, of which the first that fits is taken.

    Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/#multiple-cluster-affinity-groups
    """

    affinity_name: Label
    """The name of the group, by which the command `placement` reports it."""
