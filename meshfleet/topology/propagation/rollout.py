"""How a change of propagated objects reaches their clusters: in waves, each of which has to become healthy.

Sources: https://open-cluster-management.io/docs/concepts/placement/ and RolloutStrategy of
https://github.com/open-cluster-management-io/api/blob/main/cluster/v1alpha1/types_rolloutstrategy.go
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from meshfleet.redaction.shown import shown
from meshfleet.topology.json_schema import text
from meshfleet.topology.model import Model
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.service_scope import SOME

PERCENT: Final = re.compile(r"([1-9][0-9]?|100)%")


def _checked_percent(value: str) -> str:
    if not PERCENT.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a share; write it as in 25%, from 1% to 100%")
    return value


def _some_wave(value: object) -> object:
    # A minimal length would report a list of wrong entries as an empty one as well.
    if value == []:
        raise ValueError("is empty; give a wave, or leave rollout out")
    return value


Percent = Annotated[str, AfterValidator(_checked_percent), text(PERCENT)]


class Wave(Model):
    """Clusters that a change reaches together: those that a selector selects, or so many of those that are left."""

    target_clusters: ClusterAffinity | None = None
    """The clusters that are selected, of those that are in no wave before."""
    clusters: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """How many clusters, in the order of the stack file."""
    percent: Percent | None = None
    """The share of all clusters of the propagation, rounded up."""

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> Wave:
        given = [self.target_clusters, self.clusters, self.percent]
        if sum(one is not None for one in given) != 1:
            raise ValueError("give one of targetClusters, clusters and percent")
        return self


class WaveHealth(Model):
    """When the clusters of a wave count as healthy."""

    within_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300
    """Seconds after which an object that is not ready is too late."""


class Rollout(Model):
    """How a change reaches the clusters of a propagation: wave by wave, in place of all at once.

    Clusters that no wave names are a last wave.
    """

    waves: Annotated[tuple[Wave, ...], Field(strict=False, json_schema_extra=SOME), BeforeValidator(_some_wave)]
    """The waves, in order."""
    pause: bool = False
    """Whether `up` ends after each wave; the next `up` goes on with the one that follows."""
    health: WaveHealth = Field(default_factory=WaveHealth)
    """When the clusters of a wave count as healthy, which the next one waits for."""
    abort_on: Literal["NotReady", "Failed"] = "NotReady"
    """What stops the rollout: any object that is not ready in time, or only one that has failed."""
    rollback_on_failure: bool = False
    """Whether the clusters of a wave that stops the rollout get back what they had before it."""
    first_creation: bool = False
    """Whether the first creation is in waves too; else it goes to all clusters at once."""
