"""Clusters of kind: what nodes on this machine and built images cannot have."""

from __future__ import annotations

from tests.topology.wrong_stacks.wrong import Wrong, on_one_network

KIND: dict[str, object] = {
    "clusters.west": {"kind": {}, "network": "network-west"},
    "clusters.east": {"kind": {}, "network": "network-east"},
}
PUBLISHED: dict[str, object] = {
    f"clusters.{name}": {"kind": {"images": "published"}, "network": f"network-{name}"} for name in ("west", "east")
}

KIND_CLUSTERS = [
    Wrong(
        "kind cluster with a range of IPv6",
        KIND | {"clusters.west.podCidr": "fd00:1::/48"},
        {"clusters.west.podCidr": "fd00:1::/48 is IPv6, and the nodes of this provider have IPv4 alone"},
    ),
    Wrong(
        "kind cluster whose range of pods is too small",
        KIND | {"clusters.west.podCidr": "10.1.0.0/25"},
        {"clusters.west.podCidr": "10.1.0.0/25 is a /25; a kind cluster takes /8 to /24"},
    ),
    Wrong(
        "kind cluster with more nodes than ranges for their pods",
        KIND | {"clusters.west.podCidr": "10.1.0.0/24", "clusters.west.kind.nodes": 2},
        {"clusters.west.podCidr": "10.1.0.0/24 has room for 1 nodes of a /24 each, not for 2"},
    ),
    Wrong(
        "kind clusters of one network whose ranges may overlap",
        KIND | on_one_network() | {"clusters.west.podCidr": "10.200.0.0/16"},
        {"clusters.west.podCidr": "10.200.0.0/16 overlaps 10.192.0.0/10, from which 'east' on the same network"},
    ),
    Wrong(
        "kind clusters with one range of Services",
        KIND | {"clusters.west.serviceCidr": "10.1.0.0/16", "clusters.east.serviceCidr": "10.1.0.0/16"},
        {"clusters.east.serviceCidr": "overlaps the serviceCidr 10.1.0.0/16 of 'west'"},
    ),
    Wrong(
        "kind cluster without nodes",
        KIND | {"clusters.west.kind.nodes": 0},
        {"clusters.west.kind.nodes": "greater than or equal to 1"},
    ),
    Wrong(
        "kind cluster of another Kubernetes than its image",
        KIND | {"kubernetes.version": "v1.36.3"},
        {"kubernetes.version": "the node image that is built here is of v1.35.4, not v1.36.3"},
    ),
    Wrong(
        "kind cluster of another Istio than its images",
        KIND | {"istio.version": "1.30"},
        {"istio.version": "the images of Istio that are built here are of 1.31, not 1.30"},
    ),
    Wrong(
        "kind cluster in ambient mode without ztunnel",
        KIND | {"clusters.west.dataPlane": "ambient", "clusters.east.dataPlane": "ambient"},
        {f"clusters.{name}.dataPlane": "no image of ztunnel is built here" for name in ("west", "east")},
    ),
    Wrong(
        "node image that is not used",
        KIND | {"clusters.west.kind.image": "kindest/node:v1.35.4"},
        {"clusters.west.kind.image": "is not used with images: built; add images: published"},
    ),
    Wrong(
        "node image of another Kubernetes",
        PUBLISHED | {"clusters.west.kind.image": "kindest/node:v1.36.3"},
        {"clusters.west.kind.image": "is of Kubernetes 'v1.36.3', and kubernetes.version is v1.35.4"},
    ),
    Wrong(
        "node image that is an option",
        PUBLISHED | {"clusters.west.kind.image": "--help"},
        {"clusters.west.kind.image": "'--help' is no name of an image"},
    ),
    Wrong(
        "kind clusters of one mesh on two Docker engines",
        KIND | {"clusters.east.kind.docker": {"socket": "/run/other.sock"}},
        {"clusters.east.kind.docker": "another Docker engine than those of 'west' in the same mesh"},
    ),
    Wrong(
        "requested address of a gateway on a node",
        KIND | {"clusters.west.eastWestGateway": {"loadBalancerIp": "203.0.113.7"}},
        {"clusters.west.eastWestGateway.loadBalancerIp": "cannot be assigned: the gateway has an address of a node"},
    ),
    Wrong(
        "host name of a gateway on a node",
        KIND | {"clusters.west.eastWestGateway": {"hostname": "gateway.example"}},
        {"clusters.west.eastWestGateway.hostname": "the gateway has an address of a node; leave it out"},
    ),
    Wrong(
        "embedded cluster in the mesh of kind clusters",
        {"clusters.west": KIND["clusters.west"]},
        {"clusters.east.embedded": "its API server listens on this machine alone"},
    ),
]
