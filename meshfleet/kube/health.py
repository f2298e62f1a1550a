"""The health endpoint of a server on this machine."""

from __future__ import annotations

import ssl
from typing import Final

from meshfleet.errors import UnreachableError
from meshfleet.processes.waiting import NotYetError

_SECONDS: Final = 5.0
_CHARACTERS: Final = 4096
_LIMIT: Final = 1024 * 1024


def ask(url: str, context: ssl.SSLContext | None = None) -> str:
    """The beginning of a successful answer. Raises NotYetError with what came instead: a status, a
    refusal.
    """
    # It takes a tenth of a second to import.
    from meshfleet.kube.transport import get

    try:
        page = get(url, seconds=_SECONDS, limit=_LIMIT, context=context)
    except UnreachableError as error:
        raise NotYetError(f"{error.cause}{f' ({error.detail})' if error.detail else ''}") from None
    if not 200 <= page.status < 300:
        raise NotYetError(f"HTTP {page.status}")
    return page.text[:_CHARACTERS]
