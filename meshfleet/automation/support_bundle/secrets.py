"""The secret values of files of a fleet, as lines of text. Pure."""

from __future__ import annotations

import re

from meshfleet.redaction.secret_text import CREDENTIAL_KEYS

_CREDENTIAL = re.compile(rf"[\"']?\b(?:{'|'.join(CREDENTIAL_KEYS)})[\"']?\s*:\s*[\"']?([^\s\"',}}]+)")


def secrets_in_kubeconfig(text: str) -> set[str]:
    """The keys, tokens and passwords in the text of a kubeconfig, as it writes them."""
    return set(_CREDENTIAL.findall(text))
