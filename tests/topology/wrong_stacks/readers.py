"""Who reads whom, wrong."""

from __future__ import annotations

from tests.topology.wrong_stacks.models import (
    TWO_MESHES,
    cluster,
    hosted,
)
from tests.topology.wrong_stacks.wrong import Wrong

READ_BY = "clusters.west.discovery.readBy"
READERS = [
    Wrong(
        "readers that are unknown, the cluster itself, of another mesh, remote, and given twice, all at once",
        {
            "meshes.mesh2": {},
            "networks": {f"network-{name}": {} for name in ("west", "east", "north", "south")},
            "clusters": {
                "west": cluster("west", "mesh1"),
                "east": cluster("east", "mesh1"),
                "south": cluster("south", "mesh1", controlPlane={"remote": "east"}),
                "north": cluster("north", "mesh2"),
            },
            READ_BY: ["nowhere", "west", "north", "south", "east", "east"],
        },
        {
            f"{READ_BY}[0]": "'nowhere' is no cluster of the fleet; allowed are east",
            f"{READ_BY}[1]": "'west' is the cluster itself, which the control plane that serves it always discovers; "
            "allowed are east",
            f"{READ_BY}[2]": "'north' belongs to the mesh 'mesh2', and 'west' to 'mesh1'; allowed are east",
            f"{READ_BY}[3]": "'south' has no control plane of its own, since it is a remote of 'east'; allowed are",
            f"{READ_BY}[5]": "'east' is given twice; name each cluster once; allowed are east",
        },
    ),
    Wrong(
        "reader of the only cluster of its mesh",
        {**TWO_MESHES, READ_BY: ["east"]},
        {f"{READ_BY}[0]": "'east' belongs to the mesh 'mesh2', and 'west' to 'mesh1'; allowed are none"},
    ),
    Wrong(
        "remote whose primary may not read it",
        {"clusters.west.controlPlane": {"remote": "east"}, READ_BY: []},
        {READ_BY: "leaves out 'east', whose control plane serves 'west' and has to discover it; write [east]"},
    ),
    Wrong(
        "remote of an external control plane that may not read it",
        hosted(
            branch=cluster("branch", "shop", controlPlane={"remote": "config"}, discovery={"readBy": ["operations"]})
        ),
        {
            "clusters.branch.discovery.readBy": "leaves out 'config', whose control plane serves 'branch'",
            "clusters.branch.discovery.readBy[0]": "'operations' belongs to the mesh 'operations', and 'branch' to "
            "'shop'; allowed are config",
        },
    ),
    Wrong(
        "reader that cannot be read itself",
        {"clusters.east.dataPlane": "mainframe", READ_BY: ["east", "north"]},
        {
            "clusters.east.dataPlane": "got 'mainframe'",
            f"{READ_BY}[1]": "'north' is no cluster of the fleet; allowed are east",
        },
    ),
    Wrong(
        "readers that are left unfinished",
        {READ_BY: None},
        {READ_BY: "is empty; write [] for no other control plane, or leave it out for all of the mesh"},
    ),
    Wrong("readers that are a text", {READ_BY: "east"}, {READ_BY: "must be a list, got 'east'"}),
    Wrong("reader that is a number", {READ_BY: [1]}, {f"{READ_BY}[0]": "must be a string, got 1; put it in quotes"}),
    Wrong(
        "ranges of Services that a reader of both would confuse",
        {
            READ_BY: [],
            "clusters.west.serviceCidr": "10.96.0.0/16",
            "clusters.east.serviceCidr": "10.96.0.0/16",
        },
        {"clusters.east.serviceCidr": "10.96.0.0/16 overlaps the serviceCidr 10.96.0.0/16 of 'west'"},
    ),
]
