"""Why no usable answer comes from a server: one word for each cause, how it is said, and what helps.

`Unreachable` is no cause. Each one below has its own words, by which it is also recognized again in the text of
another program (a plugin, Helm, istiod), and its own advice. Only where the cluster may really be gone is there any
talk of forgetting it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """What was seen in place of an answer; the value is how a message says it."""

    NAME_UNKNOWN = "its name is unknown here"
    REFUSED = "the connection is refused"
    NO_ROUTE = "there is no route to it"
    TIMEOUT = "no connection within the time limit"
    SILENT = "it accepts connections, but no complete response arrived within the time limit"
    RESET = "the connection was closed before a response arrived"
    CERTIFICATE_AUTHORITY = "its certificate is signed by an authority that the kubeconfig does not name"
    CERTIFICATE_NAME = "its certificate is for another name"
    CERTIFICATE_EXPIRED = "its certificate has expired"
    CERTIFICATE_NOT_YET_VALID = "its certificate is not valid yet"
    CLIENT_CERTIFICATE = "it does not accept the client certificate"
    UNAUTHORIZED = "it does not accept the credentials (401)"
    FORBIDDEN = "it does not allow this user to do that (403)"
    NOT_AN_API_SERVER = "the server there is not the expected one"
    TOO_LARGE = "its response is larger than the limit"
    PROXY = "the proxy does not let the connection through"
    OTHER_CLUSTER = "another cluster responds there"


FORGETTABLE: Final = frozenset({Cause.NAME_UNKNOWN, Cause.REFUSED, Cause.NO_ROUTE, Cause.TIMEOUT})
"""The causes that a cluster which is gone for good may have."""

_NO_ANSWER: Final = FORGETTABLE | {Cause.SILENT, Cause.RESET, Cause.PROXY}
_RENEW: Final = "renew the credentials in the kubeconfig, and run the same command again"
_ADVICE: Final = {
    Cause.NAME_UNKNOWN: "check the server's name in the kubeconfig and the DNS of this machine",
    Cause.REFUSED: "start the cluster, or correct the address in the kubeconfig",
    Cause.NO_ROUTE: "check the network of this machine (a VPN that is off?) and the address in the kubeconfig",
    Cause.TIMEOUT: "check that the cluster runs and that no firewall is in between, and the address in the kubeconfig",
    Cause.SILENT: "see why that process hangs or is overloaded; it is not started again while it runs",
    Cause.RESET: "run the same command again; if that repeats, check the log of the server or of a proxy before it",
    Cause.CERTIFICATE_AUTHORITY: "put the cluster's own authority into the kubeconfig (certificate-authority-data); "
    "if that did not change, another server responds at this address",
    Cause.CERTIFICATE_NAME: "use a name that is in the certificate, or set tls-server-name in the kubeconfig",
    Cause.CERTIFICATE_EXPIRED: "renew the server's certificate; if it was renewed, check the clock of this machine",
    Cause.CERTIFICATE_NOT_YET_VALID: "set the clock of this machine, and that of the server, to the right time",
    Cause.CLIENT_CERTIFICATE: _RENEW,
    Cause.UNAUTHORIZED: _RENEW,
    Cause.FORBIDDEN: "use the credentials of a cluster administrator in the kubeconfig, or grant this user that right",
    Cause.NOT_AN_API_SERVER: "correct the address in the kubeconfig; a login page or a proxy may be in between",
    Cause.TOO_LARGE: "check that an API server, and no other server, listens at this address",
    Cause.PROXY: "check proxy-url in the kubeconfig, or HTTPS_PROXY and NO_PROXY in the environment",
    Cause.OTHER_CLUSTER: "correct the context or the address in the kubeconfig",
}

# How Go programs put it: the official Kubernetes plugin, Helm, istiod. The first that is found counts.
_GO: Final = (
    ("proxyconnect", Cause.PROXY),
    ("no such host", Cause.NAME_UNKNOWN),
    ("failure in name resolution", Cause.NAME_UNKNOWN),
    ("server misbehaving", Cause.NAME_UNKNOWN),
    ("connection refused", Cause.REFUSED),
    ("no route to host", Cause.NO_ROUTE),
    ("network is unreachable", Cause.NO_ROUTE),
    ("unknown authority", Cause.CERTIFICATE_AUTHORITY),
    ("certificate is not trusted", Cause.CERTIFICATE_AUTHORITY),
    ("is before", Cause.CERTIFICATE_NOT_YET_VALID),
    ("certificate has expired", Cause.CERTIFICATE_EXPIRED),
    ("certificate is valid for", Cause.CERTIFICATE_NAME),
    ("cannot validate certificate for", Cause.CERTIFICATE_NAME),
    ("certificate is not valid for any names", Cause.CERTIFICATE_NAME),
    ("remote error: tls", Cause.CLIENT_CERTIFICATE),
    ("asked for the client to provide credentials", Cause.UNAUTHORIZED),
    ("Unauthorized", Cause.UNAUTHORIZED),
    ("forbidden", Cause.FORBIDDEN),
    ("HTTP response to HTTPS client", Cause.NOT_AN_API_SERVER),
    ("does not look like a TLS handshake", Cause.NOT_AN_API_SERVER),
    ("invalid character", Cause.NOT_AN_API_SERVER),
    ("connection reset", Cause.RESET),
    ("EOF", Cause.RESET),
    ("TLS handshake timeout", Cause.SILENT),
    ("awaiting headers", Cause.SILENT),
    ("timeout", Cause.TIMEOUT),
    ("deadline exceeded", Cause.TIMEOUT),
)
# Before what follows, it is about the API server and not about something that the API server or Helm waited for.
_ABOUT_THE_SERVER: Final = (
    "unreachable",
    "failed to get server version",
    "asked for the client to provide credentials",
)
# What a webhook behind a living API server did says nothing of the API server.
_ABOUT_A_WEBHOOK: Final = "failed calling webhook"


def advice(cause: Cause) -> str:
    """What helps against a cause, in one clause."""
    return _ADVICE[cause]


def sentence(server: str, cause: Cause, detail: str = "", *, subject: str = "", advice: str = "") -> str:
    """What was seen at `server` and what to do; `subject` is what the request was for."""
    about = f"{subject}: " if subject else ""
    seen = f"{cause} ({detail})" if detail else str(cause)
    verb = "does not respond" if cause in _NO_ANSWER else "cannot be used"
    return f"{about}{server} {verb}: {seen}; {advice or _ADVICE[cause]}"


def cause_of_status(code: int) -> Cause | None:
    """What an HTTP status says of the credentials."""
    return {401: Cause.UNAUTHORIZED, 403: Cause.FORBIDDEN}.get(code)


def cause_in(text: str) -> Cause | None:
    """Why a server was not reached, by a message of this project or of a Go program; None for any other message."""
    if _ABOUT_A_WEBHOOK in text:
        return None
    own = next((cause for cause in Cause if str(cause) in text), None)
    if own is not None:
        return own
    if not any(words in text for words in _ABOUT_THE_SERVER):
        return None
    return cause_of_words(text)


def cause_of_words(text: str) -> Cause | None:
    """Why a Go program did not read a server, by the error that it reports of that server; None for other words."""
    return next((cause for words, cause in _GO if words in text), None)


def printable(text: str) -> str:
    """A text with all control characters but line feeds written out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
