"""The address of an east-west gateway in a cluster that has no load balancer.

Written where a load balancer's controller would write it: into the status of the Service.
https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/#ServiceStatus
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from embedded.api_errors import RefusedError, api_errors
from embedded.waiting import NotYetError, wait_until
from topology.errors import ClusterError

if TYPE_CHECKING:
    from lightkube import Client
    from lightkube.resources.core_v1 import Service

_SECONDS: Final = 60.0
# The port of cross-network traffic: in manifests/charts/gateway (networkGateway), and of ambient mode (HBONE).
_PORT_NAME: Final = "tls"
_PORTS: Final = (15443, 15008)


@dataclass(frozen=True)
class PublishedAddress:
    """What the Service says: `address` is None when no load balancer address is in its status."""

    address: str | None
    port: int


def publish_address(client: Client, namespace: str, service: str, address: str, timeout: float = 0) -> PublishedAddress:
    """Wait for the Service and write `address` into its status; `timeout` in seconds, 0 for one minute.

    Raises ClusterError when the Service does not come, has no port for cross-network traffic, or is refused.
    """

    def present() -> Service:
        seen = _get(client, namespace, service)
        if seen is None:
            raise NotYetError("404 not found")
        return seen

    found = wait_until(
        present,
        f"the Service {service} of namespace {namespace}, which the chart of the gateway makes",
        timeout or _SECONDS,
        "see whether the gateway's release was installed, and run the same command again",
        failure=ClusterError,
    )
    port = _port(found, namespace, service)
    _write_status(client, namespace, service, [{"ip": address}])
    return PublishedAddress(address, port)


def published_address(client: Client, namespace: str, service: str) -> PublishedAddress | None:
    """What the Service says now; None when there is no such Service. Raises ClusterError."""
    found = _get(client, namespace, service)
    if found is None:
        return None
    balancer = found.status.loadBalancer if found.status else None
    ingress = (balancer.ingress if balancer else None) or []
    return PublishedAddress(ingress[0].ip if ingress else None, _port(found, namespace, service))


def withdraw_address(client: Client, namespace: str, service: str) -> None:
    """Empty the status again; fine when the Service is gone. Raises ClusterError."""
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


def _get(client: Client, namespace: str, service: str) -> Service | None:
    from lightkube.resources.core_v1 import Service

    try:
        with api_errors(f"Service {namespace}/{service}"):
            return client.get(Service, service, namespace=namespace)
    except RefusedError as error:
        if error.not_found:
            return None
        raise


def _port(found: Service, namespace: str, service: str) -> int:
    ports = (found.spec.ports if found.spec else None) or []
    for port in ports:
        if port.name == _PORT_NAME or port.port in _PORTS:
            return port.port
    present = ", ".join(f"{port.name or '-'}:{port.port}" for port in ports) or "none"
    raise ClusterError(
        f"Service {namespace}/{service}: no port {_PORT_NAME}, {' or '.join(map(str, _PORTS))} for cross-network "
        f"traffic (it has {present}); set networkGateway in the gateway's chart"
    )
