"""Faults of a stack file: where, what was found there, and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, get_args, get_origin

from meshfleet.errors import MeshfleetError
from meshfleet.redaction.shown import one_line, shown

if TYPE_CHECKING:
    # A relay imports this module for the errors in it; pydantic takes longer to import than all that a relay needs.
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

LONGEST_PATH = 300
LONGEST_MESSAGE = 900


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong with a stack file.

    `path` is the field as a person would write it (`clusters.west.network`, `namespaces.shop.clusters[1]`),
    `message` says what was found and what is allowed, in one line without a trailing stop. Both come from a
    file that anybody may have written: control characters are written out, secrets left out, and what is very long
    is cut in its middle, since names of any length may be in them.
    """

    path: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", _bounded(one_line(self.path), LONGEST_PATH))
        object.__setattr__(self, "message", _bounded(one_line(self.message), LONGEST_MESSAGE))

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def _bounded(text: str, longest: int) -> str:
    half = (longest - 5) // 2
    return text if len(text) <= longest else f"{text[:half]} ... {text[-half:]}"


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


def unknown_key(key: str, known: Iterable[str]) -> str:
    """The message for a key that is none of `known`, with the one that was probably meant."""
    allowed = sorted(known)
    meant = get_close_matches(key, allowed, n=1)
    hint = f"did you mean {meant[0]}? " if meant else ""
    return f"unknown key; {hint}known are {', '.join(allowed)}"


def from_validation(prefix: str, error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """The faults of a pydantic error, as sentences that name the value and what is allowed.

    `prefix` is the path of the part that was validated as `model`; each fault's location follows it.
    """
    faults = []
    for details in error.errors(include_url=False):
        # Pydantic marks a mapping's key, as against its value, by a further step; the path is the same.
        location = [step for step in details["loc"] if step != "[key]"]
        faults.append(Fault(join(prefix, location), _sentence(details, model)))
    return faults


def _sentence(details: ErrorDetails, model: type[BaseModel]) -> str:
    value = details["input"]
    context = details.get("ctx", {})
    match details["type"]:
        case "extra_forbidden":
            *parents, key = details["loc"]
            return unknown_key(str(key), _keys_at(model, parents))
        case "missing":
            return "missing; required"
        case "value_error":
            return str(context["error"])
        case "literal_error":
            must, fix = str(context["expected"]), ""
        case "model_type" | "dict_type" | "model_attributes_type":
            must, fix = "a map of keys to values", ""
        case "list_type" | "tuple_type":
            must, fix = "a list", ""
        case "string_type" | "invalid_key":
            must, fix = "a string", "put it in quotes" if isinstance(value, int | float) else ""
        case "string_too_short":
            must, fix = f"a string of at least {context['min_length']} character", ""
        case "int_type":
            must, fix = "an integer", "remove the quotes" if _is_number(value) else ""
        case "float_type":
            must, fix = "a number", "remove the quotes" if _is_number(value) else ""
        case "bool_type":
            must, fix = "true or false", ""
        case _:
            return f"{shown(value)}: {details['msg'][:1].lower()}{details['msg'][1:]}"
    return f"must be {must}, got {shown(value)}" + (f"; {fix}" if fix else "")


def _is_number(value: object) -> bool:
    return isinstance(value, str) and value.isdecimal()


def _keys_at(model: type[BaseModel], location: Iterable[int | str]) -> list[str]:
    """The keys of the model at a location within another one."""
    from pydantic import BaseModel

    steps = iter(location)
    for step in steps:
        if isinstance(step, int):
            # The parts of a list are all of one model.
            continue
        annotation = next(field.annotation for field in model.model_fields.values() if field.alias == step)
        if get_origin(annotation) is dict:
            # So are those of a mapping, in which the next step is a name.
            next(steps)
        # The field of a part that may be left out is declared as `Part | None`, that of a list as `tuple[Part, ...]`.
        candidates = (annotation, *get_args(annotation))
        model = next(part for part in candidates if isinstance(part, type) and issubclass(part, BaseModel))
    return [str(field.alias) for field in model.model_fields.values()]
