"""The address of a gateway in a cluster without a load balancer controller.

It is written to where such a controller writes it: the status of the Service.
https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/#ServiceStatus
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from meshfleet.errors import ClusterError
from meshfleet.kube.api_errors import RefusedError, api_errors
from meshfleet.processes.waiting import NotYetError, wait_until

if TYPE_CHECKING:
    from lightkube import Client
    from lightkube.resources.core_v1 import Service

_SECONDS: Final = 60.0
# The port of cross-network traffic: in manifests/charts/gateway (networkGateway), and of ambient mode (HBONE).
_PORT_NAME: Final = "tls"
_PORTS: Final = (15443, 15008)


@dataclass(frozen=True)
class PublishedAddress:
    """Where a Service is reached: `address` is an IP address or a host name, None when it has neither.

    `port` is the one that was asked for, `ports` are the node ports of all, by the port of the Service.
    """

    address: str | None
    port: int
    ports: Mapping[int, int] = field(default_factory=dict)


def publish_address(
    client: Client, namespace: str, service: str, address: str, port: int = 0, timeout: float = 0
) -> PublishedAddress:
    """Wait for the Service and write `address`, an IP address or a host name, into its status.

    `port` is one that the Service must have, 0 for that of cross-network traffic; `timeout` in seconds, 0 for one
    minute. Raises ClusterError when the Service does not appear, has no such port, or the API server refuses the write.
    """

    def present() -> Service:
        seen = get_service(client, namespace, service)
        if seen is None:
            raise NotYetError("404 not found")
        return seen

    found = await_service(present, namespace, service, timeout)
    found_port = port_of(found, namespace, service, port)
    _write_status(client, namespace, service, [{"ip" if _is_ip(address) else "hostname": address}])
    return PublishedAddress(address, found_port)


def await_service(present: Callable[[], Service], namespace: str, service: str, timeout: float) -> Service:
    """The Service once `present` returns it; `timeout` in seconds, 0 for one minute. Raises ClusterError."""
    return wait_until(
        present,
        f"the Service {service} in namespace {namespace}, which the gateway chart creates",
        timeout or _SECONDS,
        "check that the gateway's Helm release is installed, and run the same command again",
        failure=ClusterError,
    )


def published_address(client: Client, namespace: str, service: str, port: int = 0) -> PublishedAddress | None:
    """The current status of the Service; None when there is no such Service. `port` as above. Raises ClusterError."""
    found = get_service(client, namespace, service)
    if found is None:
        return None
    balancer = found.status.loadBalancer if found.status else None
    ingress = (balancer.ingress if balancer else None) or []
    address = ingress[0].ip or ingress[0].hostname if ingress else None
    return PublishedAddress(address, port_of(found, namespace, service, port))


def withdraw_address(client: Client, namespace: str, service: str) -> None:
    """Clear the status; succeeds when the Service is gone. Raises ClusterError."""
    try:
        _write_status(client, namespace, service, None)
    except RefusedError as error:
        if not error.not_found:
            raise


def _write_status(client: Client, namespace: str, service: str, ingress: list[dict[str, str]] | None) -> None:
    from lightkube.resources.core_v1 import Service
    from lightkube.types import PatchType

    status = {"status": {"loadBalancer": {"ingress": ingress}}}
    with api_errors(f"status of Service {namespace}/{service}"):
        client.patch(Service.Status, service, status, namespace=namespace, patch_type=PatchType.MERGE)


def get_service(client: Client, namespace: str, service: str) -> Service | None:
    """The Service as it is now; None when there is none. Raises ClusterError."""
    from lightkube.resources.core_v1 import Service

    try:
        with api_errors(f"Service {namespace}/{service}"):
            return client.get(Service, service, namespace=namespace)
    except RefusedError as error:
        if error.not_found:
            return None
        raise


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def port_of(found: Service, namespace: str, service: str, wanted: int) -> int:
    """The port `wanted`, or with 0 that of cross-network traffic. Raises ClusterError where there is no such port."""
    ports = (found.spec.ports if found.spec else None) or []
    listed = ", ".join(f"{port.name or '-'}:{port.port}" for port in ports) or "none"
    if wanted:
        if any(port.port == wanted for port in ports):
            return wanted
        raise ClusterError(
            f"Service {namespace}/{service}: no port {wanted} (it has {listed}); check the listeners of its gateway"
        )
    for port in ports:
        if port.name == _PORT_NAME or port.port in _PORTS:
            return port.port
    raise ClusterError(
        f"Service {namespace}/{service}: no port {_PORT_NAME}, {' or '.join(map(str, _PORTS))} for cross-network "
        f"traffic (it has {listed}); set networkGateway in the gateway's chart"
    )
