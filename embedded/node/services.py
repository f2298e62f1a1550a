"""From Services and EndpointSlices to where packets are led. Pure.

Source: https://kubernetes.io/docs/reference/networking/virtual-ips/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from embedded.network.rules import ServicePort, Target

if TYPE_CHECKING:
    from lightkube.resources.core_v1 import Service
    from lightkube.resources.discovery_v1 import EndpointSlice

_SERVICE_NAME: Final = "kubernetes.io/service-name"
_PROTOCOLS: Final = ("TCP", "UDP")


def service_ports(services: Iterable[Service], slices: Iterable[EndpointSlice]) -> list[ServicePort]:
    """Every port of every Service at its own address and at that of its load balancer."""
    endpoints = _endpoints(slices)
    found = []
    for service in services:
        metadata, specification = service.metadata, service.spec
        if metadata is None or specification is None:
            continue
        addresses = [*_own(specification.clusterIP), *load_balancer_addresses(service)]
        for port in specification.ports or ():
            protocol = port.protocol or "TCP"
            if protocol not in _PROTOCOLS:
                continue
            key = (metadata.namespace or "", metadata.name or "", port.name or "")
            targets = tuple(sorted(endpoints.get(key, ())))
            found += [ServicePort(address, protocol.lower(), port.port, targets) for address in addresses]
    return found


def load_balancer_addresses(service: Service) -> list[str]:
    """The IP addresses that the load balancer of a Service has been given."""
    balancer = service.status.loadBalancer if service.status else None
    return [ingress.ip for ingress in (balancer.ingress if balancer else None) or () if ingress.ip]


def _own(address: str | None) -> list[str]:
    return [address] if address and address != "None" else []


def _endpoints(slices: Iterable[EndpointSlice]) -> dict[tuple[str, str, str], set[Target]]:
    found: dict[tuple[str, str, str], set[Target]] = {}
    for slice_ in slices:
        metadata = slice_.metadata
        name = ((metadata.labels if metadata else None) or {}).get(_SERVICE_NAME, "")
        for port in slice_.ports or ():
            key = ((metadata.namespace if metadata else None) or "", name, port.name or "")
            ready = [
                one for one in slice_.endpoints or () if one.conditions is None or one.conditions.ready is not False
            ]
            found.setdefault(key, set()).update(
                Target(address, port.port) for one in ready for address in one.addresses if port.port
            )
    return found
