"""`istioctl analyze` reports no messages about a cluster and the clusters it discovers, except known ones.

Without --remote-contexts istioctl reads the other clusters through the remote secrets of this one, so that the check
also covers these secrets with a client other than istiod.
Source: https://istio.io/latest/docs/reference/config/analysis/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from meshfleet.errors import VerificationError
from meshfleet.files.json_text import parse_json
from meshfleet.manifests.cert_manager import NAMESPACE
from meshfleet.manifests.istio_csr import RELEASE
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.istioctl import istioctl
from meshfleet.verification.view import ClusterView, FleetView

_CLUSTERS = re.compile(r"inconsistent across clusters \[([^\]]*)\]")


@dataclass(frozen=True)
class Message:
    """One message of the analysis: its code, its level, its origin and cluster, and its text.

    `cluster` is the cluster of a remote secret; istioctl does not know the name of its own cluster.
    """

    code: str
    level: str
    origin: str
    text: str
    cluster: str

    @property
    def subject(self) -> str:
        """What the origin names after its kind: an object, by its namespace where it has one."""
        return self.origin.partition(" ")[2]


def _has_no_label_for_injection(fleet: FleetView, cluster: ClusterView, message: Message) -> bool:
    """Whether the fleet leaves the namespace of a message without injection, in the cluster that it is about."""
    about = next((one for one in fleet.clusters if one.name == message.cluster), cluster)
    return message.subject not in about.injected_namespaces


def _is_of_ingress_gateways(fleet: FleetView, cluster: ClusterView, message: Message) -> bool:
    """Whether a Service is that of an ingress gateway in each cluster of the text, where `default` is `cluster`."""
    listed = _CLUSTERS.search(message.text)
    named = {cluster.name if one == "default" else one for one in re.findall(r'"([^"]+)"', listed[1])} if listed else {}
    ingress = {one.name for one in fleet.clusters if message.subject in one.ingress_services}
    return bool(named) and ingress.issuperset(named)


@dataclass(frozen=True)
class KnownException:
    """A message that is expected, with the reason. `origin` matches in full, `text` in part, and `where` holds."""

    code: str
    origin: str
    text: str
    reason: str
    where: Callable[[FleetView, ClusterView, Message], bool] = lambda *_: True

    def covers(self, fleet: FleetView, cluster: ClusterView, message: Message) -> bool:
        """Whether the message of an analysis of `cluster` is this one."""
        return (
            message.code == self.code
            and re.fullmatch(self.origin, message.origin) is not None
            and re.search(self.text, message.text) is not None
            and self.where(fleet, cluster, message)
        )


KNOWN_EXCEPTIONS = (
    KnownException(
        "IST0170",
        r"Service default/kubernetes",
        r"service ports are inconsistent",
        "each API server listens on its own port, as its Service declares; no workload calls it across clusters",
    ),
    KnownException(
        "IST0170",
        r"Service [a-z0-9-]+/istiod(-[a-z0-9-]+)?",
        r"service ports are inconsistent",
        "for a remote istiod the chart declares only the ports that proxies and webhooks use",
    ),
    KnownException(
        "IST0170",
        r"Service [a-z0-9-]+/istio-eastwestgateway",
        r"service ports are inconsistent",
        "the stack assigns each gateway its own port, and other networks use the port of each gateway",
    ),
    KnownException(
        "IST0137",
        r"Deployment [a-z0-9-]+/istio-eastwestgateway",
        # One Service name, in several clusters.
        r"multiple services \[([a-z0-9-]+/istio-eastwestgateway)( \1)+\]",
        "the stack assigns each gateway its own port, and the analysis merges the Services of all clusters",
    ),
    KnownException(
        "IST0174",
        r"DestinationRule [a-z0-9-]+/mesh-outlier-detection",
        r"\*\.local",
        "the stack's rule for all Services of a mesh uses a wildcard host, which the analysis looks up literally",
    ),
    KnownException(
        "IST0118",
        rf"Service ({NAMESPACE}/cert-manager(-webhook|-cainjector)?|[a-z0-9-]+/{RELEASE}(-metrics)?)",
        r"naming convention",
        "the charts of cert-manager and istio-csr name their ports; no proxy of the mesh is in front of these pods",
    ),
    KnownException(
        "IST0102",
        r"Namespace .*",
        r"not enabled for Istio injection",
        "the stack does not label that namespace for injection",
        where=_has_no_label_for_injection,
    ),
    KnownException(
        "IST0170",
        r"Service [a-z0-9-]+/[a-z0-9-]+",
        r"service ports are inconsistent",
        "the stack declares the ports of each ingress gateway, and callers use the address of one of them",
        where=_is_of_ingress_gateways,
    ),
)
"""Every expected message with its reason; any other message, of any level, fails the check."""


class IstioctlAnalyze(Check):
    """Runs `istioctl analyze --all-namespaces` on every control plane."""

    name = "istioctl-analyze"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return fleet.primaries()

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        arguments = [
            "analyze",
            "--all-namespaces",
            "--output=json",
            f"--revision={cluster.control_plane.revision}",
            f"--timeout={max(1, int(timeout))}s",
        ]
        return judge(fleet, cluster, messages(istioctl(fleet, cluster, arguments, timeout)))


def judge(fleet: FleetView, cluster: ClusterView, found: list[Message]) -> Finding:
    """Whether every message is a known exception; the finding lists these with their reasons."""
    faults = []
    excepted: dict[tuple[str, str], set[str]] = {}
    for message in found:
        known = next((entry for entry in KNOWN_EXCEPTIONS if entry.covers(fleet, cluster, message)), None)
        if known is None:
            faults.append(f"{message.level} {message.code} ({message.origin}) {message.text}")
        else:
            excepted.setdefault((known.code, known.reason), set()).add(message.origin)
    if faults:
        more = f"; and {len(faults) - 1} more" if len(faults) > 1 else ""
        return Finding(False, f"istioctl analyze of {cluster.name}: {faults[0]}{more}")
    if not excepted:
        return Finding(True, f"istioctl analyze of {cluster.name} reports no messages")
    listed = "; ".join(
        f"{code} {', '.join(sorted(origins))} ({reason})" for (code, reason), origins in sorted(excepted.items())
    )
    return Finding(True, f"istioctl analyze of {cluster.name} reports only known exceptions: {listed}")


def messages(printed: str) -> list[Message]:
    """Parse `istioctl analyze --output=json`. Raises VerificationError when it is not a list of messages."""
    try:
        entries: Any = parse_json(printed)
    except ValueError as error:
        raise VerificationError(f"istioctl analyze did not print JSON: {printed[:200]!r}") from error
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
