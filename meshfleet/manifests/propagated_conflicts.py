"""What becomes of an object that a cluster has already when a propagation of the same object comes to it. Pure.

What this stack made is taken back, whatever is declared: it bears the mark of the stack. What another stack propagates
is never taken over. All else is decided by `conflictResolution`.

Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/ (conflictResolution)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshfleet.manifests.propagated_mark import PROPAGATED, Mark, mark_of
from meshfleet.topology.propagation.kinds import key_of, mapping


@dataclass(frozen=True)
class Verdict:
    """Why an object is not taken over, in words, empty where it is; `ours` where this stack made it."""

    refusal: str = ""
    ours: bool = False


def verdict(declared: Mapping[str, Any], live: Mapping[str, Any], *, overwrite: bool) -> Verdict:
    """What becomes of what a cluster has of a declared object, which bears its mark."""
    key, there, wanted = key_of(declared), mark_of(live), mark_of(declared)
    if mapping(live.get("metadata")).get("deletionTimestamp"):
        return Verdict(f"{key} is being deleted there; run the same command again once it is gone")
    if wanted is None or (there is not None and there.stack != wanted.stack):
        return Verdict(_of_another(f"{key}", there))
    if there is not None:
        return Verdict(ours=True)
    if overwrite:
        return Verdict()
    return Verdict(
        f"{key} exists already and is not of this stack; to take it over set "
        f"propagations.{wanted.propagation}.conflictResolution to Overwrite, else remove or rename it"
    )


def as_found(declared: Any, live: Any, applied: Any) -> Any:
    """What a cluster has of the fields that are declared, written as they are declared where that is the same.

    `applied` is what `live` would be once `declared` is applied to it. What this returns differs from `declared` in
    what applying it changes, and in nothing else: a default or another spelling of a quantity is no difference.
    """
    if live == applied:
        return declared
    if isinstance(declared, Mapping) and isinstance(live, Mapping) and isinstance(applied, Mapping):
        return {
            key: as_found(value, live.get(key), applied.get(key))
            for key, value in declared.items()
            if key in live or applied.get(key) is None
        }
    lists = all(isinstance(each, list) for each in (declared, live, applied))
    if lists and len(declared) == len(live) == len(applied):
        return [as_found(*each) for each in zip(declared, live, applied, strict=True)]
    return live


def _of_another(key: str, there: Mark | None) -> str:
    whose = f"the propagation {there.propagation} of the stack {there.stack}" if there else "another stack"
    return (
        f"{key} is of {whose} and is never taken over; remove it from that stack, give this one another name, or, "
        f"if that stack is gone, remove the annotation {PROPAGATED} of the object"
    )
