"""Questions put to a running fleet, each a small class with a name; the answers carry their evidence.

`run` puts all of them at once and returns a `Report`. Nothing in this room knows of the engine that made
the fleet: a `FleetView`, read from the fleet's status, is all it is told.
"""

from meshfleet.verification.answer import Answer, Report
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.checks import ALL
from meshfleet.verification.run import run
from meshfleet.verification.status import read_fleet
from meshfleet.verification.view import ClusterView, ControlPlaneView, FleetView, GatewayView, MeshView

__all__ = [
    "ALL",
    "Answer",
    "Check",
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
