"""One check of a fleet of real pods, and the checks by what they ask."""

from __future__ import annotations

from meshfleet.verification import CheckResult
from meshfleet.verification.checks import named
from tests.pod_servers import failure
from tests.verification.access.conftest import RealPods

OF_ISTIODS = (
    "clusters-synced",
    "network-gateways",
    "endpoint-shards",
    "endpoints-as-declared",
    "mesh-config",
    "proxies-synced",
)
TRAFFIC = ("traffic-reach", "traffic-refused", "traffic-plaintext")
SENT = ("traffic-reach", "traffic-refused", "traffic-wire")
FORBIDDEN = failure(403, 'pods "x" is forbidden: User "viewer" cannot create resource "pods/exec"')


def result(real: RealPods, name: str, seconds: float = 0.1) -> CheckResult:
    (check,) = named((name,))
    return check.run_on(real.fleet, real.west, seconds)
