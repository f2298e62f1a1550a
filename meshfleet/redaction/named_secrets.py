"""Values that are secrets by the names they have: `DB_PASSWORD`, `apiToken`, `clientSecret`.

Such a value has no form that it is recognized by (secret_text.py), so that its name is all there is to go by.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from meshfleet.redaction.secret_text import HIDDEN

_NAMED: Final = re.compile(
    r"passw(or)?d|passphrase|secret|token|credential|api[-_.]?key|access[-_.]?key", re.IGNORECASE
)
# What only says where a secret is, or how long it lasts.
_BESIDE: Final = re.compile(r"(name|file|path|ref|url|ttl|seconds|expiry|enabled|mount|mountPath|id)$", re.IGNORECASE)
_SHORTEST: Final = 4
# As long, and no secret.
_PLAIN: Final = frozenset({"true", "false", "null", "none"})


def is_named_secret(name: object) -> bool:
    """Whether what has this name is a secret."""
    return isinstance(name, str) and bool(_NAMED.search(name)) and not _BESIDE.search(name)


def named_secrets(value: Any) -> Iterator[str]:
    """Each text in a value that is a secret by its key, or by the name beside it, as environment variables have it."""
    waiting, seen = [value], {id(value)}
    while waiting:
        one = waiting.pop()
        parts: list[Any] = []
        if isinstance(one, Mapping):
            if is_named_secret(one.get("name")) and isinstance(one.get("value"), str):
                yield one["value"]
            for key, inner in one.items():
                if is_named_secret(key) and isinstance(inner, str):
                    yield inner
            parts = list(one.values())
        elif isinstance(one, list | tuple):
            parts = list(one)
        waiting += [part for part in parts if id(part) not in seen]
        seen.update(map(id, parts))


def without_named(text: str, *values: Any) -> str:
    """The text without the secrets that some values hold by name; the longest go first, which may hold others."""
    found = {form for value in values for secret in named_secrets(value) for form in _forms(secret)}
    for form in sorted(found, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def _forms(secret: str) -> Iterator[str]:
    """A secret as it may be written: line by line, in quotes of either kind."""
    for line in (secret, *secret.splitlines()):
        plain = line.strip()
        if len(plain) >= _SHORTEST and plain.lower() not in _PLAIN:
            yield from (plain, plain.replace("'", "''"), json.dumps(plain, ensure_ascii=False)[1:-1])
