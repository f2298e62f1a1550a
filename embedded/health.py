"""Asking a server on this machine how it is."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from typing import Final

from embedded.waiting import NotYetError

_BYTES: Final = 4096


def ask(url: str, context: ssl.SSLContext | None = None) -> str:
    """The beginning of a successful answer. Raises NotYetError with what came instead: a status, a
    refusal.
    """
    # Proxies of the environment are for the world outside; they would answer for a server that is down.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=5) as response:
            return str(response.read(_BYTES).decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        with error:
            raise NotYetError(f"HTTP {error.code}") from None
    except OSError as error:
        raise NotYetError(str(getattr(error, "reason", error))) from None
