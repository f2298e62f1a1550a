"""Keys, tokens and kubeconfigs do not belong in a stack file in plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from meshfleet.errors.faults import Fault, join
from meshfleet.redaction.secret_text import is_credential, kind_of_secret


def plain_secrets(config: Mapping[str, object]) -> Iterator[Fault]:
    """Yield a fault for each text anywhere in a configuration that holds a secret, which is not repeated."""
    waiting: list[tuple[str, object]] = [("", config)]
    seen: set[int] = set()
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            if kind := kind_of_secret(value):
                yield _fault(path, kind)
            continue
        if id(value) in seen:
            # YAML aliases make one value appear in many places, and may make it contain itself.
            continue
        if isinstance(value, Mapping):
            seen.add(id(value))
            for key, inner in value.items():
                place = join(path, [str(key)])
                if kind := "a credential" if is_credential(key, inner) else kind_of_secret(str(key)):
                    yield _fault(place, kind)
                else:
                    waiting.append((place, inner))
        elif isinstance(value, list | tuple):
            seen.add(id(value))
            waiting += [(join(path, [position]), inner) for position, inner in enumerate(value)]


def _fault(path: str, kind: str) -> Fault:
    return Fault(path, f"holds {kind} in plain text; keep it in a file of yours and name that file here")
