"""`istioctl analyze` finds nothing to say about a cluster and the clusters it reads, but for known exceptions.

Without --remote-contexts istioctl reads the other clusters through the remote secrets of this one, so the
run also proves that those are good for a client that is not istiod.
Source: https://istio.io/latest/docs/reference/config/analysis/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshfleet.errors import VerificationError
from meshfleet.files.json_text import parse_json
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.istioctl import istioctl
from meshfleet.verification.view import ClusterView, FleetView


@dataclass(frozen=True)
class Message:
    """One message of the analysis: its code, how bad, about what in which cluster, and its text.

    `cluster` is the name of a remote secret's cluster; istioctl does not know its own cluster's name.
    """

    code: str
    level: str
    origin: str
    text: str
    cluster: str


@dataclass(frozen=True)
class KnownException:
    """A message that says nothing is wrong here, and why. `origin` matches in full, `text` in part."""

    code: str
    origin: str
    text: str
    reason: str

    def covers(self, message: Message) -> bool:
        """Whether the message is this one."""
        return (
            message.code == self.code
            and re.fullmatch(self.origin, message.origin) is not None
            and re.search(self.text, message.text) is not None
        )


NOT_INJECTED = KnownException(
    "IST0102",
    r"Namespace .*",
    r"not enabled for Istio injection",
    "the stack does not mark that namespace for injection",
)

KNOWN_EXCEPTIONS = (
    KnownException(
        "IST0170",
        r"Service default/kubernetes",
        r"service ports are inconsistent",
        "each API server listens on a port of its own, and its Service says so; no workload calls it across clusters",
    ),
    KnownException(
        "IST0170",
        r"Service [a-z0-9-]+/istiod(-[a-z0-9-]+)?",
        r"service ports are inconsistent",
        "where istiod is elsewhere the chart gives its Service only the ports that proxies and webhooks use",
    ),
    KnownException(
        "IST0170",
        r"Service [a-z0-9-]+/istio-eastwestgateway",
        r"service ports are inconsistent",
        "the stack gives a gateway a port of its own, and other networks take the port that each gateway has",
    ),
    KnownException(
        "IST0137",
        r"Deployment [a-z0-9-]+/istio-eastwestgateway",
        # One Service by its name, which several clusters have.
        r"multiple services \[([a-z0-9-]+/istio-eastwestgateway)( \1)+\]",
        "the stack gives a gateway a port of its own, and the analysis takes the Services of all clusters for one's",
    ),
    KnownException(
        "IST0174",
        r"DestinationRule [a-z0-9-]+/mesh-outlier-detection",
        r"\*\.local",
        "the stack's rule for all Services of a mesh names them by a wildcard, which the analysis looks up as a name",
    ),
    NOT_INJECTED,
)
"""Every message that may appear, with the reason; anything else, of whatever level, is a fault."""


class IstioctlAnalyze(Check):
    """Runs `istioctl analyze --all-namespaces` against every control plane."""

    name = "istioctl-analyze"

    def concerns(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return fleet.primaries()

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        arguments = [
            "analyze",
            "--all-namespaces",
            "--output=json",
            f"--revision={cluster.control_plane.revision}",
            f"--timeout={max(1, int(patience))}s",
        ]
        return judge(fleet, cluster, messages(istioctl(fleet, cluster, arguments, patience)))


def judge(fleet: FleetView, cluster: ClusterView, found: list[Message]) -> Finding:
    """Whether every message is a known exception; each kind of those is told with its reason.

    A namespace that the fleet marks for injection is no exception to IST0102.
    """
    faults = []
    excepted: dict[tuple[str, str], set[str]] = {}
    for message in found:
        known = next((entry for entry in KNOWN_EXCEPTIONS if entry.covers(message)), None)
        about = next((c for c in fleet.clusters if c.name == message.cluster), cluster)
        if known is None or (known is NOT_INJECTED and message.origin.partition(" ")[2] in about.injected_namespaces):
            faults.append(f"{message.level} {message.code} ({message.origin}) {message.text}")
        else:
            excepted.setdefault((known.code, known.reason), set()).add(message.origin)
    if faults:
        more = f"; and {len(faults) - 1} more" if len(faults) > 1 else ""
        return Finding(False, f"istioctl analyze of {cluster.name}: {faults[0]}{more}")
    if not excepted:
        return Finding(True, f"istioctl analyze of {cluster.name} has nothing to say")
    told = "; ".join(
        f"{code} {', '.join(sorted(origins))} ({reason})" for (code, reason), origins in sorted(excepted.items())
    )
    return Finding(True, f"istioctl analyze of {cluster.name} has only known exceptions: {told}")


def messages(printed: str) -> list[Message]:
    """Parse `istioctl analyze --output=json`. Raises VerificationError when it is not a list of messages."""
    try:
        entries: Any = parse_json(printed)
    except ValueError as error:
        raise VerificationError(f"istioctl analyze printed no JSON: {printed[:200]!r}") from error
    if entries is None:
        return []
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise VerificationError(f"istioctl analyze printed {type(entries).__name__}, not a list of messages")
    return [
        Message(
            code=str(entry.get("code", "")),
            level=str(entry.get("level", "")),
            origin=str(entry.get("origin", "")),
            text=str(entry.get("message", "")),
            cluster=str(entry.get("cluster", "")),
        )
        for entry in entries
    ]
