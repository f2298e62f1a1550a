"""Checks of a running fleet, each a small class with a name; every result includes its evidence.

`run` runs all checks in parallel and returns a `Report`. This package does not depend on the engine that deployed the
fleet: its only input is a `FleetView`, read from the fleet's status.
"""

from meshfleet.verification.check import Check, Finding
from meshfleet.verification.checks import ALL
from meshfleet.verification.result import CheckResult, Report
from meshfleet.verification.run import run
from meshfleet.verification.status import read_fleet
from meshfleet.verification.view import ClusterView, ControlPlaneView, FleetView, GatewayView, MeshView

__all__ = [
    "ALL",
    "Check",
    "CheckResult",
    "ClusterView",
    "ControlPlaneView",
    "Finding",
    "FleetView",
    "GatewayView",
    "MeshView",
    "Report",
    "read_fleet",
    "run",
]
