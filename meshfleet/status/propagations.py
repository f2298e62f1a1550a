"""The propagations of the status: where each object is placed and, where that was asked, how it fares there."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from meshfleet.status.model import Items, Name, StatusModel, Whole

Word = Literal["ready", "partial", "accepted", "failed", "pending", "unknown"]
"""How an object fares: it does what it is for; a part of it does; its cluster has it, and it does nothing yet; it will
not do it; its cluster does not have what is declared; its cluster did not respond."""


class Placed(StatusModel):
    """An object in one of its clusters. What is asked of the cluster is left out where it was not asked."""

    cluster: Name
    """The name of the cluster."""
    replicas: Whole | None
    """The replicas it is to have there; null for an object that has none."""
    health: Word = "pending"
    """How it fares there."""
    why: str = ""
    """What it lacks, in words; empty where it is ready."""
    ready_replicas: Whole | None = None
    """The replicas that are ready there; null where the cluster reports none."""
    conditions: dict[str, str] = Field(default_factory=dict)
    """The conditions that the cluster reports: type to status."""


class PropagatedObject(StatusModel):
    """A propagated object, and the sum over its clusters."""

    api_version: Name
    """The version of its API."""
    kind: Name
    """Its kind."""
    namespace: str
    """The namespace it is in; empty for none."""
    name: Name
    """Its name."""
    replicas: Whole | None
    """The replicas of all clusters together; null for an object that has none."""
    clusters: Items[Placed]
    """The clusters it is placed in."""
    health: Word = "pending"
    """How it fares over all clusters."""
    why: str = ""
    """What it lacks, in words, each with its clusters."""
    ready_replicas: Whole | None = None
    """The ready replicas of all clusters together."""
    conditions: dict[str, str] = Field(default_factory=dict)
    """The conditions that clusters report: type to status, `Mixed` where clusters differ."""


class Eviction(StatusModel):
    """A share of a propagation that is elsewhere for now, as `meshfleet reconcile` decided."""

    propagation: Name
    """The name of the propagation."""
    cluster: Name
    """The cluster that it was moved away from."""
    since: Name
    """Since when that cluster does not respond, as RFC 3339 has it."""


class RecordedEvictions(StatusModel):
    """The part of the status that decides where shares are; fields never set are those of a status of before them."""

    evictions: Items[Eviction] = ()
    """The shares of propagations that are elsewhere for now; empty where there are none."""
    evictions_before: Items[Eviction] | None = None
    """The same of before a move that is under way; null where none is."""


class Propagation(StatusModel):
    """A propagation, and the sum over its objects."""

    name: Name
    """The name of the propagation."""
    objects: Items[PropagatedObject]
    """Its objects."""
    health: Word = "pending"
    """How it fares over all of its objects."""
