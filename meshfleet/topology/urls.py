"""URLs of a stack file: a scheme, a host, a port, a path, and nothing in which a credential could be.

Source: RFC 3986, section 3.2
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from meshfleet.redaction.shown import shown
from meshfleet.topology.addresses import LABEL, is_ip

# Also a name of one label, as a host of one's own network has, and one that ends in a dot.
_HOST: Final = re.compile(rf"{LABEL}(\.{LABEL})*\.?", re.IGNORECASE)
_HOST_LENGTH: Final = 253
_PATH: Final = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:%-]*)*")


def split(url: str) -> SplitResult | None:
    """The parts of a URL; None when it is none, its port included."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def checked_url(value: str, schemes: tuple[str, ...], example: str) -> str:
    """The URL itself. Raises ValueError in words when it is none of these schemes, or holds what it must not."""
    # Whatever may hold a credential is not repeated.
    if any(sign in value for sign in "@?#"):
        raise ValueError("contains a user, a query or a fragment; write only https://HOST:PORT")
    parts = split(value)
    spelled = " or ".join(f"{scheme}://" for scheme in schemes)
    if (
        not value.isascii()
        or not value.isprintable()
        or parts is None
        or parts.scheme not in schemes
        or not _is_host(parts.hostname or "")
        or not _PATH.fullmatch(parts.path)
        or parts.netloc.endswith(":")
        or parts.port == 0
    ):
        raise ValueError(f"{shown(value)} is not an {spelled} URL; write it as {example}")
    return value


def _is_host(host: str) -> bool:
    return is_ip(host) or (
        len(host) <= _HOST_LENGTH and bool(_HOST.fullmatch(host)) and not _looks_like_an_address(host)
    )


def _looks_like_an_address(host: str) -> bool:
    """Whether the last label is a number, as that of 300.1.2.3, which some resolvers read as an address."""
    return host.removesuffix(".").rpartition(".")[2].isdecimal()
