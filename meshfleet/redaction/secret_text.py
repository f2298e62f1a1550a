"""How a secret is recognized in a text, so that it is refused where it does not belong and never repeated."""

from __future__ import annotations

import base64
import binascii
import re

PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
# `-----BEGIN` in base64: how a kubeconfig's client-key-data and a Secret's data hold a key.
ENCODED_PEM = re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/]{2,}")
# https://www.rfc-editor.org/rfc/rfc7519#section-3.1: two base64url objects, each beginning with `{"`.
JSON_WEB_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")
# https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#AuthInfo
CREDENTIAL_KEYS = ("client-key-data", "token", "password")
KUBECONFIG_CREDENTIAL = re.compile(rf"\b({'|'.join(CREDENTIAL_KEYS)})[\"']?\s*[:=]\s*\S{{16,}}")
KUBECONFIG = re.compile(r"\bkind[\"']?\s*:\s*[\"']?Config\b")

# What is in every text in which one of these is found: a look for it is all that most texts need.
_SUSPECT = re.compile(rf"-----BEGIN |LS0tLS1CRUdJTi|eyJ|Config\b|{'|'.join(CREDENTIAL_KEYS)}")

HIDDEN = "(a secret)"


def kind_of_secret(text: str) -> str | None:
    """What secret a text holds, in words (`a private key`); None when it holds none that is recognized."""
    found = _first(text)
    return found[1] if found else None


def may_hold_secret(text: str) -> bool:
    """Whether more than a look is needed: False for a text in which nothing can be found, nor in any part of it."""
    return _SUSPECT.search(text) is not None


def is_credential(key: object, value: object) -> bool:
    """Whether a key and its value are a credential as a kubeconfig holds it."""
    return key in CREDENTIAL_KEYS and isinstance(value, str) and len(value) >= 8


def without_secrets(text: str) -> str:
    """The text as far as its first secret, which is left out with all that follows."""
    found = _first(text)
    return text[: found[0]] + HIDDEN if found else text


# A whole key, with its line breaks as they are or written out (`\\n`); a cut one goes as far as the text does.
_WHOLE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:.*?-----END [A-Z ]*PRIVATE KEY-----|.*)", re.DOTALL)
_WHOLE_CREDENTIAL = re.compile(
    rf"(?P<key>\b(?:{'|'.join(CREDENTIAL_KEYS)}|passphrase|client_secret)[\"']?\s*[:=]\s*[\"']?)[^\s\"',}}]{{8,}}",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<key>\bBearer\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)


def redact(text: str) -> str:
    """The text with each secret in it left out, and all else kept."""
    text = _WHOLE_KEY.sub(HIDDEN, text)
    text = JSON_WEB_TOKEN.sub(HIDDEN, text)
    text = re.sub(
        r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]+", lambda found: HIDDEN if _is_key(found.group()) else found.group(), text
    )
    text = _WHOLE_CREDENTIAL.sub(rf"\g<key>{HIDDEN}", text)
    return _BEARER.sub(rf"\g<key>{HIDDEN}", text)


def _first(text: str) -> tuple[int, str] | None:
    if not _SUSPECT.search(text):
        return None
    found = [
        (match.start(), kind)
        for pattern, kind in (
            (PRIVATE_KEY, "a private key"),
            (JSON_WEB_TOKEN, "a token"),
            (KUBECONFIG_CREDENTIAL, "a kubeconfig with credentials"),
            (KUBECONFIG, "a kubeconfig"),
        )
        if (match := pattern.search(text))
    ]
    found += [(match.start(), "a private key") for match in ENCODED_PEM.finditer(text) if _is_key(match.group())]
    return min(found, default=None)


def _is_key(encoded: str) -> bool:
    beginning = encoded[:64]
    try:
        plain = base64.b64decode(beginning[: len(beginning) // 4 * 4])
    except binascii.Error:
        return False
    return PRIVATE_KEY.match(plain.decode("ascii", errors="replace")) is not None
