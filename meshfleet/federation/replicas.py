"""The replicas of an object: where they are declared, and where the share of a cluster is written.

Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/#replica-scheduling-strategy
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from meshfleet.federation.division import divide
from meshfleet.federation.fitting import Need
from meshfleet.federation.requests import requests_of
from meshfleet.redaction.shown import shown
from meshfleet.topology.propagation.kinds import JOB, REPLICA_FIELDS, kind_of
from meshfleet.topology.propagation.overrides import MOST_REPLICAS

POD: Final = ("", "Pod")


def need_of(body: Mapping[str, Any]) -> Need | None:
    """What an object needs in the clusters together; None for one without replicas.

    Raises ValueError, with the place in the object before a colon, for what is no number or no quantity.
    """
    field = REPLICA_FIELDS.get(kind_of(body))
    if field is None:
        return None
    replicas = _number(body, field)
    if kind_of(body) == JOB:
        _number(body, "completions")
    template = _spec(body).get("template")
    try:
        return Need(1 if replicas is None else replicas, requests_of(template if isinstance(template, Mapping) else {}))
    except ValueError as error:
        raise ValueError(f"spec.template.spec.{error}") from None


def pod_need(body: Mapping[str, Any]) -> Need | None:
    """What a single Pod takes in each cluster it goes to; None for other kinds. Raises ValueError as `need_of`."""
    if kind_of(body) != POD:
        return None
    try:
        return Need(1, requests_of(body))
    except ValueError as error:
        raise ValueError(f"spec.{error}") from None


def replicas_in(body: Mapping[str, Any]) -> int:
    """The replicas that an object with a field for them asks for in its cluster."""
    return _number(body, REPLICA_FIELDS[kind_of(body)]) or 0


def with_shares(body: dict[str, Any], shares: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """The object in each cluster with its share of the replicas; completions of a Job are shared out alike."""
    field = REPLICA_FIELDS[kind_of(body)]
    completions = _number(body, "completions") if kind_of(body) == JOB else None
    done = divide(completions, shares) if completions is not None else {}
    by_share: dict[tuple[int, int | None], dict[str, Any]] = {}
    found = {}
    for cluster, share in shares.items():
        more = {"completions": done[cluster]} if done else {}
        # Clusters with the same share have the same object, so that a thousand of them cost no more than one.
        known = (share, done.get(cluster))
        if known not in by_share:
            by_share[known] = body | {"spec": _spec(body) | {field: share} | more}
        found[cluster] = by_share[known]
    return found


def _spec(body: Mapping[str, Any]) -> dict[str, Any]:
    spec = body.get("spec")
    return dict(spec) if isinstance(spec, Mapping) else {}


def _number(body: Mapping[str, Any], field: str) -> int | None:
    value = _spec(body).get(field)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_REPLICAS:
        raise ValueError(f"spec.{field}: must be an integer from 0 to {MOST_REPLICAS}, got {shown(value)}")
    return value
