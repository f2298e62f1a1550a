"""The simulated nodes of an embedded cluster; kwok keeps their heartbeat and runs the pods on them in name
only.

Labels: https://kubernetes.io/docs/reference/labels-annotations-taints/
Pod addresses: kwok takes them from a node's podCIDR (pkg/kwok/controllers/pod_controller.go).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

from meshfleet.embedded.cluster_spec import ClusterSpec
from meshfleet.errors import ClusterError

if TYPE_CHECKING:
    from lightkube import Client

_MANAGER: Final = "meshfleet"
_PODS_A_NODE: Final = 24
"""The prefix length of one node's share of the pod range, as in kube-controller-manager's default."""


def node_objects(spec: ClusterSpec) -> list[dict[str, Any]]:
    """The Node objects of a cluster, `<cluster>-0` onwards.

    Raises ClusterError when the pod range is too small for so many nodes.
    """
    return [_node(spec, index) for index in range(spec.nodes)]


def apply_nodes(client: Client, spec: ClusterSpec) -> None:
    """Make the nodes of the cluster exactly those of `spec`. Raises what the client raises.

    A node that is there keeps its share of the pod range, which an API server never lets change
    (ValidateNodeUpdate in pkg/apis/core/validation of kubernetes/kubernetes), whatever is recorded of it.
    """
    from lightkube.codecs import from_dict
    from lightkube.resources.core_v1 import Node

    listed = client.list(Node, labels={"app.kubernetes.io/managed-by": _MANAGER})
    present = {str(node.metadata.name): node for node in listed if node.metadata}
    wanted = {str(node["metadata"]["name"]): node for node in node_objects(spec)}
    for name, node in wanted.items():
        kept = present[name].spec if name in present else None
        if kept and kept.podCIDR:
            node["spec"] = {"podCIDR": kept.podCIDR, "podCIDRs": list(kept.podCIDRs or [kept.podCIDR])}
        client.apply(from_dict(node), field_manager=_MANAGER, force=True)
    for name in present.keys() - wanted.keys():
        client.delete(Node, name)


def release_nodes(client: Client) -> None:
    """Let the next kwok take the nodes at once: one that was killed holds their leases for minutes.

    Only while no kwok runs. Raises what the client raises.
    Source: pkg/kwok/controllers/node_lease_controller.go (tryAcquireOrRenew)
    """
    from lightkube.resources.coordination_v1 import Lease

    client.deletecollection(Lease, namespace="kube-node-lease")


def _node(spec: ClusterSpec, index: int) -> dict[str, Any]:
    name = f"{spec.name}-{index}"
    labels = {
        "app.kubernetes.io/managed-by": _MANAGER,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "type": "kwok",
    }
    if spec.region:
        labels["topology.kubernetes.io/region"] = spec.region
    if spec.zone:
        labels["topology.kubernetes.io/zone"] = spec.zone
    node: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
    }
    if spec.pod_cidr:
        share = _share(spec.pod_cidr, index, spec.nodes)
        node["spec"] = {"podCIDR": share, "podCIDRs": [share]}
    return node


def _share(pod_cidr: str, index: int, nodes: int) -> str:
    network = ipaddress.ip_network(pod_cidr)
    if network.version == 6:
        return pod_cidr
    prefix = max(network.prefixlen, _PODS_A_NODE)
    available = 1 << (prefix - network.prefixlen)
    if index >= available:
        raise ClusterError(
            f"{pod_cidr} has room for {available} nodes of a /{prefix} each, not for {nodes}; "
            "choose a larger podCidr or fewer nodes"
        )
    first = int(network.network_address) + (index << (32 - prefix))
    return f"{ipaddress.ip_address(first)}/{prefix}"
