"""Values and names as they may appear in a message: short, on one line, without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from meshfleet.redaction.secret_text import HIDDEN, is_credential, kind_of_secret, without_secrets

LONGEST = 60
ENTRIES = 3


def shown(value: object) -> str:
    """A value as YAML writes it on one line: texts in quotes, so that `'3'` and `3` differ.

    Long values are cut, mappings and lists are shown one level deep, and a key, a token or a credential is
    never repeated.
    """
    if isinstance(value, Mapping):
        entries = [f"{_key(key)}: {_entry(key, inner)}" for key, inner in islice(value.items(), ENTRIES)]
        return f"{{{_listed(entries, len(value))}}}"
    if isinstance(value, list | tuple):
        return f"[{_listed([_entry(None, inner) for inner in value[:ENTRIES]], len(value))}]"
    return _scalar(value)


def one_line(text: str) -> str:
    """A text with control characters written out and any secret, with what follows it, left out."""
    text = without_secrets(text)
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _listed(entries: list[str], length: int) -> str:
    return ", ".join(entries if length <= ENTRIES else [*entries, "..."])


def _key(key: object) -> str:
    return key if isinstance(key, str) and key.isidentifier() and len(key) <= LONGEST else _scalar(key)


def _entry(key: object, value: object) -> str:
    if isinstance(value, Mapping):
        return "{...}" if value else "{}"
    if isinstance(value, list | tuple):
        return "[...]" if value else "[]"
    return HIDDEN if is_credential(key, value) else _scalar(value)


def _scalar(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and value.bit_length() > 128:
        # Python refuses to write out integers of thousands of digits.
        return f"{hex(value)[:LONGEST]}..."
    text = value if isinstance(value, str) else str(value)
    if kind_of_secret(text):
        return HIDDEN
    text = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
    return repr(text) if isinstance(value, str) else one_line(text)
