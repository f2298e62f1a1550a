"""Where the objects of a propagation go, and how replicas are shared out.

Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from meshfleet.topology.labels import LabelKey, LabelValue
from meshfleet.topology.model import Model
from meshfleet.topology.propagation.affinity import ClusterAffinity, NamedClusterAffinity

LARGEST_WEIGHT = 1_000_000
MOST_GROUPS = 1000


class Taint(Model):
    """A taint of a cluster: objects of propagations that do not tolerate it are not placed there.

    Source: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
    """

    key: LabelKey
    """The key of the taint."""
    value: LabelValue = ""
    """The value of the taint."""
    effect: Literal["NoSchedule", "NoExecute"]
    """`NoSchedule` places nothing new there, `NoExecute` also takes away what is there."""


class Toleration(Model):
    """A toleration for taints of clusters.

    Source: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
    """

    key: LabelKey | None = None
    """The key of the taint; every taint when left out, with the operator `Exists`."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """Whether the value is compared as well."""
    value: LabelValue = ""
    """The value of the taint, for the operator `Equal`."""
    effect: Literal["NoSchedule", "NoExecute"] | None = None
    """The effect of the taint; every effect when left out."""

    @model_validator(mode="after")
    def _value_fits_the_operator(self) -> Toleration:
        if self.operator == "Exists" and self.value:
            raise ValueError("operator Exists takes no value; leave it out, or use Equal")
        if self.key is None and self.operator != "Exists":
            raise ValueError("has no key; give one, or tolerate every taint with the operator Exists")
        return self


class SpreadConstraint(Model):
    """A bound on the number of groups of clusters that are chosen, where clusters with one value form a group.

    Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/#multi-region-ha-deployment
    """

    spread_by_field: Literal["cluster", "region", "zone"] | None = None
    """The property that clusters are grouped by."""
    spread_by_label: LabelKey | None = None
    """The label that clusters are grouped by; clusters without it are not chosen."""
    min_groups: Annotated[int, Field(ge=1, le=MOST_GROUPS)] = 1
    """The least number of groups; with fewer nothing is placed."""
    max_groups: Annotated[int, Field(ge=1, le=MOST_GROUPS)] | None = None
    """The largest number of groups; all of them when left out."""

    @model_validator(mode="after")
    def _consistent(self) -> SpreadConstraint:
        if (self.spread_by_field is None) == (self.spread_by_label is None):
            found = "has no group" if self.spread_by_field is None else "has two groups"
            raise ValueError(f"{found}; give exactly one of spreadByField, spreadByLabel")
        if self.max_groups is not None and self.max_groups < self.min_groups:
            raise ValueError(f"maxGroups {self.max_groups} is less than minGroups {self.min_groups}")
        return self


class StaticWeight(Model):
    """A weight for the clusters that are selected."""

    target_clusters: ClusterAffinity = Field(default_factory=ClusterAffinity)
    """The clusters; where several entries select one, the largest weight counts."""
    weight: Annotated[int, Field(ge=0, le=LARGEST_WEIGHT)]
    """Its share of the replicas, relative to the others."""


class ReplicaScheduling(Model):
    """How replicas of workloads are shared out over their clusters.

    Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/#replica-scheduling-strategy
    """

    replica_scheduling_type: Literal["Duplicated", "Divided"] = "Duplicated"
    """`Duplicated`: all replicas in each cluster; `Divided`: the replicas are shared out."""
    replica_division_preference: Literal["Weighted", "Aggregated"] = "Weighted"
    """`Weighted`: by weight; `Aggregated`: in as few clusters as have the capacity."""
    static_weights: Annotated[tuple[StaticWeight, ...], Field(strict=False)] = ()
    """Weights of clusters, for `Weighted`; a cluster without one has none of the replicas."""
    dynamic_weight: Literal["AvailableReplicas"] | None = None
    """The weight follows the capacity of clusters; in place of static weights."""

    @model_validator(mode="after")
    def _consistent(self) -> ReplicaScheduling:
        divided = {"replica_division_preference", "static_weights", "dynamic_weight"} & self.model_fields_set
        if self.replica_scheduling_type == "Duplicated" and divided:
            raise ValueError("Duplicated divides nothing; use replicaSchedulingType: Divided, or leave the rest out")
        if "static_weights" in self.model_fields_set and not self.static_weights:
            raise ValueError("staticWeights is empty; give at least one entry, or leave the list out")
        if self.static_weights and self.dynamic_weight:
            raise ValueError("has two kinds of weights; give staticWeights or dynamicWeight")
        if self.replica_division_preference == "Aggregated" and (self.static_weights or self.dynamic_weight):
            raise ValueError("Aggregated takes no weights; leave them out, or use Weighted")
        if self.static_weights and not any(each.weight for each in self.static_weights):
            raise ValueError("staticWeights sum to zero; give a cluster a weight above zero")
        return self

    @property
    def by_capacity(self) -> bool:
        """Whether the capacity of clusters decides."""
        return self.replica_division_preference == "Aggregated" or self.dynamic_weight is not None


class WorkloadAffinityTerm(Model):
    """Workloads of one namespace that have one value of a label form a group."""

    group_by_label_key: LabelKey
    """The label of the workloads; one without it is in no group."""


class WorkloadAffinity(Model):
    """Workloads that go where others of their group are, or where none of them is.

    Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/
    """

    affinity: WorkloadAffinityTerm | None = None
    """Only to clusters where all others of the group are; the first of a group goes anywhere."""
    anti_affinity: WorkloadAffinityTerm | None = None
    """Never to a cluster where another of the group is."""

    @model_validator(mode="after")
    def _groups_something(self) -> WorkloadAffinity:
        if self.affinity is None and self.anti_affinity is None:
            raise ValueError("groups nothing; give affinity, antiAffinity or both, or leave workloadAffinity out")
        if self.affinity == self.anti_affinity:
            raise ValueError("affinity and antiAffinity group by the same label; use another one for one of them")
        return self


class Placement(Model):
    """The clusters that the objects of a propagation go to; all clusters of the fleet when left out.

    Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/
    """

    cluster_affinity: ClusterAffinity | None = None
    """The clusters that may be chosen."""
    cluster_affinities: Annotated[tuple[NamedClusterAffinity, ...], Field(strict=False)] = ()
    """Groups of clusters in order: the first that fits is taken."""
    overflow_affinities: Annotated[tuple[NamedClusterAffinity, ...], Field(strict=False)] = ()
    """Groups of clusters that are filled in order, each to its capacity; replicas are divided."""
    cluster_tolerations: Annotated[tuple[Toleration, ...], Field(strict=False)] = ()
    """Tolerations for the taints of clusters."""
    spread_constraints: Annotated[tuple[SpreadConstraint, ...], Field(strict=False)] = ()
    """Bounds on the number of clusters, regions, zones or other groups."""
    replica_scheduling: ReplicaScheduling = Field(default_factory=ReplicaScheduling)
    """How replicas are shared out."""
    workload_affinity: WorkloadAffinity | None = None
    """Whether workloads go where others are, or where they are not."""

    @property
    def by_capacity(self) -> bool:
        """Whether what is free in the clusters decides about replicas."""
        return self.replica_scheduling.by_capacity or bool(self.overflow_affinities)

    @model_validator(mode="after")
    def _consistent(self) -> Placement:
        # An empty list reads as no cluster, and would select all of them.
        for field in ("cluster_affinities", "overflow_affinities"):
            if field in self.model_fields_set and not getattr(self, field):
                key = type(self).model_fields[field].alias
                raise ValueError(f"{key} is empty; give at least one entry, or leave the list out")
        given = [
            key
            for key, value in (
                ("clusterAffinity", self.cluster_affinity),
                ("clusterAffinities", self.cluster_affinities),
                ("overflowAffinities", self.overflow_affinities),
            )
            if value
        ]
        if len(given) > 1:
            raise ValueError(f"has {' and '.join(given)}; give one of them")
        groups = [group.affinity_name for group in (*self.cluster_affinities, *self.overflow_affinities)]
        twice = sorted({name for name in groups if groups.count(name) > 1})
        if twice:
            raise ValueError(f"the affinity name {twice[0]} is given twice; names of groups are unique")
        spread = [each.spread_by_field or each.spread_by_label for each in self.spread_constraints]
        if len(set(spread)) != len(spread):
            raise ValueError("has two spread constraints for one group; join them")
        if self.overflow_affinities and self.replica_scheduling.replica_scheduling_type != "Divided":
            raise ValueError("overflowAffinities divide replicas; set replicaSchedulingType: Divided")
        return self
