"""The error that an istiod process logs about a cluster that it cannot discover, and how to fix it.

Sources: ErrorHandlerForCluster in pkg/kube/informermetric of istio/istio, and pkg/kube/multicluster/secretcontroller.go
"""

from __future__ import annotations

import re
from typing import Final

from meshfleet.errors.causes import Cause, cause_of_words
from meshfleet.redaction.shown import one_line

_LONGEST: Final = 240
_REQUEST: Final = re.compile(r'failed to list \S+: (?:Get "[^"]*": )?')
_ADVICE: Final = {
    Cause.CERTIFICATE_AUTHORITY: "set the certificate authority of that server as clusters.{name}.discovery."
    "certificateAuthority, and run meshfleet up",
    Cause.CERTIFICATE_NAME: "set that name as clusters.{name}.discovery.tlsServerName, and run meshfleet up",
    Cause.UNAUTHORIZED: "increment clusters.{name}.discovery.token, and run meshfleet up, which issues a new token",
    Cause.FORBIDDEN: "run meshfleet up --refresh, which restores the permissions of that token's service account",
}
_REACH: Final = (
    "start that cluster with meshfleet up, or set clusters.{name}.discovery.server to an address that istiod can reach"
)
_UNKNOWN: Final = "check that its API server runs, and run meshfleet drift, which detects a changed remote secret"


def why(log: str, name: str) -> str:
    """The last logged error about the cluster `name`, with advice."""
    logged = _last(log, name)
    cause = cause_of_words(logged)
    hint = _UNKNOWN if cause is None else _ADVICE.get(cause, _REACH)
    reason = f"its istiod reports: {logged}; " if logged else ""
    return f"{reason}{hint.format(name=name)}"


def _last(log: str, name: str) -> str:
    of_the_cluster = re.compile(rf"\terror\t.*\bcluster[ =:\"]+{re.escape(name)}(?![\w.-])\"?[,:]?\s*(?P<words>.*)")
    found = [match["words"] for line in log.splitlines() if (match := of_the_cluster.search(line))]
    return one_line(_REQUEST.sub("", found[-1]).replace("\t", " ").strip())[:_LONGEST] if found else ""
