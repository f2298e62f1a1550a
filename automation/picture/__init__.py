"""The picture of a fleet as SVG: `draw(from_fleet(fleet, status))`."""

from automation.picture.drawing import draw
from automation.picture.view import (
    ClusterPicture,
    ControlPlanePicture,
    FleetPicture,
    GatewayPicture,
    MeshPicture,
    NetworkPicture,
    Status,
    VirtualMachinePicture,
    from_fleet,
)

__all__ = [
    "ClusterPicture",
    "ControlPlanePicture",
    "FleetPicture",
    "GatewayPicture",
    "MeshPicture",
    "NetworkPicture",
    "Status",
    "VirtualMachinePicture",
    "draw",
    "from_fleet",
]
