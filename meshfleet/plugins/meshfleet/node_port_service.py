"""A gateway's Service of type NodePort: the external IP of a node, and the node ports.

istiod takes the external IP of each node for an address of the gateway. A simulated node has none, and gets one in its
status, where a cloud's node controller writes it.

Sources: onNodeEvent of pilot/pkg/serviceregistry/kube/controller/controller.go of istio/istio and
https://kubernetes.io/docs/reference/node/node-status/#addresses
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from meshfleet.errors import ClusterError
from meshfleet.kube.api_errors import api_errors
from meshfleet.plugins.meshfleet.gateway_service import PublishedAddress, await_service, get_service, port_of
from meshfleet.processes.waiting import NotYetError

if TYPE_CHECKING:
    from lightkube import Client
    from lightkube.resources.core_v1 import Node, Service

_EXTERNAL: Final = "ExternalIP"
_TYPE: Final = "NodePort"


def reach_at_node(
    client: Client,
    namespace: str,
    service: str,
    given: Callable[[], str | None],
    port: int = 0,
    timeout: float = 0,
) -> PublishedAddress:
    """Wait for the node ports of the Service, and return them with the external IP of a node.

    Where no node has one the first of them gets what `given` returns. `port` and `timeout` as `publish_address` has
    them. Raises ClusterError when the Service has no node ports, or no node an external IP and `given` returns None.
    """

    def present() -> Service:
        seen = get_service(client, namespace, service)
        if seen is None:
            raise NotYetError("404 not found")
        if not _node_ports(seen):
            raise NotYetError(f"it is of type {seen.spec.type if seen.spec else None}, without node ports")
        return seen

    found = await_service(present, namespace, service, timeout)
    nodes = _nodes(client)
    address = _external_ip(nodes)
    if address is None:
        if not nodes:
            raise ClusterError(
                f"Service {namespace}/{service} is of type NodePort, and the cluster has no node; "
                "add one, or use `type: LoadBalancer`"
            )
        address = given()
        if address is None:
            raise ClusterError(
                f"Service {namespace}/{service} is of type NodePort, and none of the {len(nodes)} nodes of its cluster "
                "has an ExternalIP, by which istiods find it; declare where others reach it, "
                "eastWestGateway.advertised, or use `type: LoadBalancer`"
            )
        _write_external_ip(client, str(nodes[0].metadata.name if nodes[0].metadata else ""), address)
    return _reached(found, address, namespace, service, port)


def reached_address(client: Client, namespace: str, service: str, port: int = 0) -> PublishedAddress | None:
    """Where the Service is reached now; None when there is no such Service. Raises ClusterError."""
    found = get_service(client, namespace, service)
    if found is None:
        return None
    if not _node_ports(found):
        return PublishedAddress(None, port_of(found, namespace, service, port), {})
    return _reached(found, _external_ip(_nodes(client)), namespace, service, port)


def withdraw_external_ip(client: Client, namespace: str, service: str) -> bool:
    """Take the external IP from simulated nodes, unless another Service is reached there; whether it did.

    Raises ClusterError.
    """
    from lightkube.resources.core_v1 import Service

    with api_errors("Services"):
        listed = list(client.list(Service, namespace="*"))
    for one in listed:
        known = one.metadata
        if known and (known.namespace, known.name) != (namespace, service) and one.spec and one.spec.type == _TYPE:
            return False
    for node in _nodes(client):
        if _external_ip([node]) and _is_simulated(node):
            _write_external_ip(client, str(node.metadata.name if node.metadata else ""), None)
    return True


def _reached(found: Service, address: str | None, namespace: str, service: str, port: int) -> PublishedAddress:
    ports = _node_ports(found)
    return PublishedAddress(address, ports[port_of(found, namespace, service, port)], ports)


def _node_ports(found: Service) -> dict[int, int]:
    """The node ports by the port of the Service; empty unless every port has one."""
    if not found.spec or found.spec.type != _TYPE:
        return {}
    ports = found.spec.ports or []
    known = {port.port: port.nodePort for port in ports if port.nodePort}
    return known if len(known) == len(ports) else {}


def _nodes(client: Client) -> list[Node]:
    from lightkube.resources.core_v1 import Node

    with api_errors("nodes"):
        return sorted(client.list(Node), key=lambda node: str(node.metadata.name if node.metadata else ""))


def _external_ip(nodes: list[Node]) -> str | None:
    addresses = [one for node in nodes for one in (node.status.addresses if node.status else None) or []]
    return next((one.address for one in addresses if one.type == _EXTERNAL), None)


def _is_simulated(node: Node) -> bool:
    annotations = (node.metadata.annotations if node.metadata else None) or {}
    return "kwok.x-k8s.io/node" in annotations


def _write_external_ip(client: Client, name: str, address: str | None) -> None:
    from lightkube.resources.core_v1 import Node
    from lightkube.types import PatchType

    # Merged by type, beside the node's other addresses (patchMergeKey of NodeStatus.Addresses).
    entry: dict[str, Any] = {"type": _EXTERNAL} | ({"address": address} if address else {"$patch": "delete"})
    with api_errors(f"status of node {name}"):
        client.patch(Node.Status, name, {"status": {"addresses": [entry]}}, patch_type=PatchType.STRATEGIC)
