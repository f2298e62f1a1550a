"""What went wrong between this process and a server, as a cause. Pure."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import httpx2

from meshfleet.errors.causes import Cause

# https://docs.openssl.org/master/man1/openssl-verification-options/#diagnostics
_VERIFICATION: Final = {
    9: Cause.CERTIFICATE_NOT_YET_VALID,
    10: Cause.CERTIFICATE_EXPIRED,
    62: Cause.CERTIFICATE_NAME,
    64: Cause.CERTIFICATE_NAME,
}
_NO_ROUTE: Final = frozenset(
    (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM)
)
_CUT_SHORT: Final = ("without sending", "peer closed")
_NOT_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL")


def cause_of(error: BaseException) -> tuple[Cause, str]:
    """The cause of an error of the HTTP client, and its words where they say more than the cause."""
    if isinstance(error, httpx2.ProxyError):
        return Cause.PROXY, str(error)
    for one in _chain(error):
        if cause := _of_one(one):
            return cause
    if isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return Cause.TIMEOUT, ""
    if isinstance(error, httpx2.TimeoutException):
        return Cause.SILENT, ""
    if isinstance(error, httpx2.RemoteProtocolError) and not any(words in str(error) for words in _CUT_SHORT):
        return Cause.NOT_AN_API_SERVER, "no HTTP"
    if isinstance(error, httpx2.NetworkError | httpx2.RemoteProtocolError):
        return Cause.RESET, ""
    return Cause.NOT_AN_API_SERVER, type(error).__name__


def _of_one(error: BaseException) -> tuple[Cause, str] | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFICATION.get(error.verify_code, Cause.CERTIFICATE_AUTHORITY), error.verify_message
    if isinstance(error, ssl.SSLError):
        return _of_tls(error)
    if isinstance(error, socket.gaierror):
        return Cause.NAME_UNKNOWN, ""
    if isinstance(error, ConnectionRefusedError):
        return Cause.REFUSED, ""
    if isinstance(error, ConnectionError):
        return Cause.RESET, ""
    if isinstance(error, OSError) and error.errno in _NO_ROUTE:
        return Cause.NO_ROUTE, error.strerror or ""
    return None


def _of_tls(error: ssl.SSLError) -> tuple[Cause, str]:
    reason = error.reason or ""
    if reason in _NOT_TLS:
        return Cause.NOT_AN_API_SERVER, "no TLS"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or "EOF" in reason:
        return Cause.RESET, "in the TLS handshake"
    if "ALERT" in reason and ("CERT" in reason or reason.endswith(("UNKNOWN_CA", "ACCESS_DENIED"))):
        return Cause.CLIENT_CERTIFICATE, reason.replace("_", " ").lower()
    return Cause.NOT_AN_API_SERVER, f"TLS: {reason.replace('_', ' ').lower()}" if reason else "no TLS"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
