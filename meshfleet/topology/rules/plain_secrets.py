"""Keys, tokens and kubeconfigs do not belong in a stack file in plain text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from meshfleet.errors.faults import Fault, join
from meshfleet.redaction.secret_text import is_credential, kind_of_secret, may_hold_secret

_Place = tuple["_Place", str | int] | None


_WRITTEN: Final = json.JSONEncoder(ensure_ascii=False, default=str)


def plain_secrets_of_object(body: Mapping[str, object]) -> Iterator[Fault]:
    """The same for an object as JSON has it, at one look where it has none, which is nearly always."""
    if may_hold_secret(_WRITTEN.encode(body)):
        yield from plain_secrets(body)


def plain_secrets(config: Mapping[str, object]) -> Iterator[Fault]:
    """Yield a fault for each text anywhere in a configuration that holds a secret, which is not repeated."""
    # A place is the one that it is in, and the step from there: most are never written.
    waiting: list[tuple[_Place, object]] = [(None, config)]
    seen: set[int] = set()
    while waiting:
        here, value = waiting.pop()
        if isinstance(value, str):
            if kind := kind_of_secret(value):
                yield _fault(here, kind)
            continue
        if id(value) in seen:
            # YAML aliases make one value appear in many places, and may make it contain itself.
            continue
        if isinstance(value, Mapping):
            seen.add(id(value))
            for key, inner in value.items():
                if kind := "a credential" if is_credential(key, inner) else kind_of_secret(str(key)):
                    yield _fault((here, str(key)), kind)
                else:
                    waiting.append(((here, str(key)), inner))
        elif isinstance(value, list | tuple):
            seen.add(id(value))
            waiting += [((here, position), inner) for position, inner in enumerate(value)]


def _fault(place: _Place, kind: str) -> Fault:
    steps: list[str | int] = []
    while place is not None:
        place, step = place
        steps.append(step)
    path = join("", steps[::-1])
    return Fault(path, f"holds {kind} in plain text; keep it in a file of yours and name that file here")
