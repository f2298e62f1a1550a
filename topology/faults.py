"""Faults of a stack file: where, what was found there, and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from topology.errors import MeshfleetError


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong with a stack file.

    `path` is the field as a person would write it (`clusters.west.network`, `namespaces.shop.clusters[1]`),
    `message` says what was found and what is allowed, in one line without a trailing stop.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class TopologyError(MeshfleetError):
    """The stack file is wrong; `faults` holds every fault found, in the order of their paths."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def join(prefix: str, location: Sequence[int | str]) -> str:
    """The path of a field: names joined by dots, positions in brackets."""
    path = prefix
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step}" if path else str(step)
    return path


def shown(value: object) -> str:
    """A value as it may appear in a message: short, on one line, never a key, a token or a certificate."""
    text = value if isinstance(value, str) else repr(value)
    if "-----BEGIN" in text or text.startswith("eyJ"):
        return "(a secret)"
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def from_validation(prefix: str, error: ValidationError) -> list[Fault]:
    """The faults of a pydantic error, as sentences that name the value and what is allowed.

    `prefix` is the path of the part that was validated; `json_path` positions follow it.
    """
    return [Fault(join(prefix, details["loc"]), _sentence(details)) for details in error.errors(include_url=False)]


def _sentence(details: ErrorDetails) -> str:
    found = shown(details["input"])
    context = details.get("ctx", {})
    match details["type"]:
        case "extra_forbidden":
            return "unknown key; see docs/stack-file.md for those that are known"
        case "missing":
            return "missing; it must be given"
        case "literal_error":
            return f"{found} is not allowed; use {context['expected']}"
        case "value_error":
            return str(context["error"])
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"{found} is not a mapping of keys to values"
        case "list_type" | "tuple_type":
            return f"{found} is not a list"
        case "string_type":
            return f"{found} is not a text" + ("; put it in quotes" if found[:1].isdigit() else "")
        case "int_type":
            return f"{found} is not a whole number"
        case "bool_type":
            return f"{found} is neither true nor false"
        case _:
            return f"{found}: {details['msg'][:1].lower()}{details['msg'][1:]}"
