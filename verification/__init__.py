"""Questions put to a running fleet, each a small class with a name; the answers carry their evidence.

`run` puts all of them at once and returns a `Report`. Nothing in this room knows of the engine that made
the fleet: a `FleetView`, read from the fleet's status, is all it is told.
"""

from verification.answer import Answer, Report
from verification.check import Check, Finding
from verification.checks import ALL
from verification.run import run
from verification.status import read_fleet
from verification.view import ClusterView, ControlPlaneView, FleetView, GatewayView, MeshView

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
