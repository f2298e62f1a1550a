"""Keys, tokens and kubeconfigs do not belong in a stack file in plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from topology.faults import Fault, join

PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
JSON_WEB_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")
KUBECONFIG_CREDENTIAL = re.compile(r"\b(client-key-data|token)\s*[:=]\s*\S{16,}")


def plain_secrets(config: Mapping[str, object]) -> Iterator[Fault]:
    """Yield a fault for each text anywhere in a configuration that holds a secret; the secret is not repeated."""
    yield from _search("", config)


def _search(path: str, value: object) -> Iterator[Fault]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _search(join(path, [str(key)]), inner)
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            yield from _search(join(path, [position]), inner)
    elif isinstance(value, str) and (kind := _kind(value)):
        yield Fault(path, f"holds {kind} in plain text; keep it in a file of yours and name that file here")


def _kind(text: str) -> str | None:
    if PRIVATE_KEY.search(text):
        return "a private key"
    if JSON_WEB_TOKEN.search(text):
        return "a token"
    if KUBECONFIG_CREDENTIAL.search(text):
        return "a kubeconfig with credentials"
    return None
