"""What an istiod that is a process here reports in its log about a cluster that it cannot read, and what helps.

Sources: ErrorHandlerForCluster in pkg/kube/informermetric of istio/istio, and pkg/kube/multicluster/secretcontroller.go
"""

from __future__ import annotations

import re
from typing import Final

from meshfleet.errors import FileError
from meshfleet.errors.causes import Cause, cause_of_words
from meshfleet.files import read_tail
from meshfleet.redaction.shown import one_line
from meshfleet.verification.view import ClusterView, FleetView

_LIMIT: Final = 256 * 1024
_LONGEST: Final = 240
_REQUEST: Final = re.compile(r'failed to list \S+: (?:Get "[^"]*": )?')
_ADVICE: Final = {
    Cause.CERTIFICATE_AUTHORITY: "give the authority of what answers there as clusters.{name}.discovery."
    "certificateAuthority, and run meshfleet up",
    Cause.CERTIFICATE_NAME: "name it as clusters.{name}.discovery.tlsServerName, and run meshfleet up",
    Cause.UNAUTHORIZED: "raise clusters.{name}.discovery.token, and run meshfleet up, which issues another token",
    Cause.FORBIDDEN: "run meshfleet up --refresh, which restores what the account of that token may read",
}
_REACH: Final = (
    "start that cluster with meshfleet up, or give clusters.{name}.discovery.server, an address that the istiod reaches"
)
_UNKNOWN: Final = "see whether its API server runs, and run meshfleet drift, which finds a changed remote secret"


def tail(fleet: FleetView, cluster: ClusterView) -> str:
    """The end of the log of the istiod of `cluster`; empty for one that is not a process of this machine."""
    if fleet.home is None:
        return ""
    folder = fleet.workspace().istiod(cluster.name, cluster.control_plane.revision)
    try:
        return read_tail(folder / "istiod.log", limit=_LIMIT) or ""
    except FileError:
        return ""


def why(log: str, name: str) -> str:
    """What the log says last of reading the cluster `name`, with what helps."""
    said = _last(log, name)
    cause = cause_of_words(said)
    hint = _UNKNOWN if cause is None else _ADVICE.get(cause, _REACH)
    reason = f"its istiod reports: {said}; " if said else ""
    return f"{reason}{hint.format(name=name)}"


def _last(log: str, name: str) -> str:
    of_the_cluster = re.compile(rf"\terror\t.*\bcluster[ =:\"]+{re.escape(name)}(?![\w.-])\"?[,:]?\s*(?P<words>.*)")
    found = [match["words"] for line in log.splitlines() if (match := of_the_cluster.search(line))]
    return one_line(_REQUEST.sub("", found[-1]).replace("\t", " ").strip())[:_LONGEST] if found else ""
