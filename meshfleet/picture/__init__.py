"""The picture of a fleet as SVG: `draw(from_fleet(fleet, status))`."""

from meshfleet.picture.drawing import draw
from meshfleet.picture.view import (
    ClusterPicture,
    ControlPlanePicture,
    FleetPicture,
    GatewayPicture,
    MeshPicture,
    NetworkPicture,
    ObjectPicture,
    Running,
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
    "ObjectPicture",
    "Running",
    "VirtualMachinePicture",
    "draw",
    "from_fleet",
]
