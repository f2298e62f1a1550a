"""Many faults at once: each is found, none hides another, none is made up for want of what is unreadable."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import ABSENT, Wrong

MANY = [
    Wrong(
        "one fault in each section",
        {
            "host": "north",
            "istio": {"version": "newest"},
            "kubernetes": {"version": "newest"},
            "meshes.mesh1.trustDomain": "A",
            "namespaces.shop.injection": "yes",
            "networks.network-east": {"description": 3},
            "clusters.west.embedded.nodes": 0,
            "sections": {},
        },
        {
            "clusters.west.embedded.nodes": "0: input should be greater",
            "host": "no cluster is named 'north'",
            "istio.version": "'newest' is not a version of Istio",
            "kubernetes.version": "'newest' is not a version of Kubernetes",
            "meshes.mesh1.trustDomain": "'A' is not a SPIFFE trust domain",
            "namespaces.shop.injection": "must be true or false, got 'yes'",
            "networks.network-east.description": "must be a string, got 3",
            "sections": "unknown key",
        },
    ),
    Wrong(
        "every field of one cluster",
        {
            "clusters.west": {
                "network": 1,
                "mesh": 2,
                "controlPlane": 3,
                "dataPlane": 4,
                "region": 5,
                "zone": 6,
                "podCidr": 7,
                "serviceCidr": 8,
                "eastWestGateway": 9,
                "embedded": 10,
            }
        },
        {
            "clusters.west.controlPlane": "3 is not a control plane",
            "clusters.west.dataPlane": "got 4",
            "clusters.west.eastWestGateway": "must be a map of keys to values, got 9",
            "clusters.west.embedded": "must be a map of keys to values, got 10",
            "clusters.west.mesh": "must be a string, got 2",
            "clusters.west.network": "must be a string, got 1",
            "clusters.west.podCidr": "7 is not an address range",
            "clusters.west.region": "must be a string, got 5",
            "clusters.west.serviceCidr": "8 is not an address range",
            "clusters.west.zone": "must be a string, got 6",
        },
    ),
    Wrong(
        "faults in two clusters and what crosses them",
        {
            "clusters.west.podCidr": "10.0.0.0/15",
            "clusters.west.serviceCidr": "10.1.0.0/20",
            "clusters.east.podCidr": "10.0.0.0/16",
            "clusters.east.network": "network-west",
            "clusters.east.dataPlane": "ambient",
            "clusters.Third": {"embedded": {}, "network": "network-none", "mesh": "mesh9"},
            "namespaces.shop.clusters": ["south", "north", "west"],
        },
        {
            "clusters.Third": "'Third' is not a DNS label",
            "clusters.Third.mesh": "no mesh is named 'mesh9'",
            "clusters.Third.network": "no network is named 'network-none'",
            "clusters.east.dataPlane": "ambient does not mix with the sidecars of 'west'",
            "clusters.east.podCidr": "10.0.0.0/16 overlaps 10.0.0.0/15 of 'west'",
            "clusters.west.serviceCidr": "10.1.0.0/20 overlaps the cluster's own podCidr",
            "namespaces.shop.clusters[0]": "no cluster is named 'south'",
            "namespaces.shop.clusters[1]": "no cluster is named 'north'",
        },
    ),
    Wrong(
        "the same fault in many clusters",
        {
            "clusters": {f"c{n}": {"embedded": {}, "network": "none"} for n in range(12)},
            "host": "c0",
            "networks": ABSENT,
        },
        {f"clusters.c{n}.network": "no network is named 'none'; known are none" for n in range(12)},
    ),
    Wrong(
        "a long value is cut and an unreadable cluster still has its name",
        {"clusters.west.dataPlane": "a" * 10_000, "host": "west"},
        {"clusters.west.dataPlane": f"got '{'a' * 57}...'"},
    ),
]
