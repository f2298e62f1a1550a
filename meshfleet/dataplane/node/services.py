"""From Services and EndpointSlices to where packets are led. Pure, whatever the objects hold.

An object, a port or an endpoint that this node cannot route is left out and reported; all others are led as they
would be without it.
Source: https://kubernetes.io/docs/reference/networking/virtual-ips/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final

from meshfleet.dataplane.network.rules import ServicePort, Target
from meshfleet.dataplane.node.left_out import LeftOut
from meshfleet.errors.containment import MALFORMED, Failure, each
from meshfleet.topology.special_ranges import special_range
from meshfleet.topology.system_names import EAST_WEST_GATEWAY, ISTIO_SYSTEM, PORT_MAP, external_namespace

if TYPE_CHECKING:
    from lightkube.resources.core_v1 import Service
    from lightkube.resources.discovery_v1 import EndpointSlice

_SERVICE_NAME: Final = "kubernetes.io/service-name"
_PROTOCOLS: Final = ("TCP", "UDP")
_FAMILY: Final = "IPv4"
MOST_ENDPOINTS: Final = 1000
"""Of one port of a Service, as the EndpointSlice controller has it for one slice."""

Key = tuple[str, str, str]


@dataclass
class Leads:
    """Where packets are led: ports of Services, names of Services by address, addresses of load balancers.

    `node` is the node's own address; empty for none.
    """

    node: str = ""
    ports: list[ServicePort] = field(default_factory=list)
    names: list[tuple[str, str]] = field(default_factory=list)
    balancers: set[str] = field(default_factory=set)
    left_out: list[LeftOut] = field(default_factory=list)


def leads(services: Iterable[Service], slices: Iterable[EndpointSlice], node: str = "") -> Leads:
    """Every port of every Service at its own address and at that of its load balancer.

    At `node`, the address of the node if it has one, node ports too. What a port map in front of a gateway would lead
    there is led here in its place (`port_map` of meshfleet/manifests/gateways.py).
    """
    found = Leads(node=node)
    endpoints: dict[Key, set[Target]] = {}
    failures: list[tuple[str, Failure[Any]]] = [
        ("EndpointSlice", one) for one in each(slices, lambda one: _add_slice(found, endpoints, one), MALFORMED)
    ]
    failures += [("Service", one) for one in each(services, lambda one: _add_service(found, endpoints, one), MALFORMED)]
    found.left_out += [LeftOut.of(kind, failure.item, failure.reason) for kind, failure in failures]
    return found


def _add_slice(found: Leads, endpoints: dict[Key, set[Target]], one: Any) -> None:
    if (one.addressType or _FAMILY) != _FAMILY:
        found.left_out.append(
            LeftOut.of("EndpointSlice", one, f"its addresses are {one.addressType}, and this node routes IPv4 alone")
        )
        return
    name = (one.metadata.labels or {}).get(_SERVICE_NAME, "")
    ready = [item for item in one.endpoints or () if item.conditions is None or item.conditions.ready is not False]
    made: dict[Key, set[Target]] = {}

    def add(port: Any) -> None:
        if port.port is None or (port.protocol or "TCP") not in _PROTOCOLS:
            return
        number, key = _port(port.port), (str(one.metadata.namespace or ""), str(name), str(port.name or ""))
        targets = made.setdefault(key, set())
        addresses = [address for item in ready for address in item.addresses or ()]
        wrong = each(addresses, lambda address: targets.add(Target(_address(address), number)), MALFORMED)
        found.left_out += _reported("EndpointSlice", one, wrong, "endpoint")

    found.left_out += _reported("EndpointSlice", one, each(one.ports or (), add, MALFORMED), "port")
    for key, targets in made.items():
        endpoints.setdefault(key, set()).update(targets)


def _add_service(found: Leads, endpoints: dict[Key, set[Target]], one: Any) -> None:
    metadata, specification = one.metadata, one.spec
    if specification is None or specification.type == "ExternalName":
        return
    own, balancers = specification.clusterIP, _balancers(one)
    addresses: list[str] = []
    wrong = each(
        [address for address in (own, *balancers) if address and address != "None"],
        lambda address: addresses.append(_address(address)),
        MALFORMED,
    )
    found.left_out += _reported("Service", one, wrong, "address")
    if own in addresses:
        found.names.append((own, f"{metadata.name}.{metadata.namespace}"))
    found.balancers |= {address for address in balancers if address in addresses}
    maps: list[tuple[str, int, int]] = []
    wrong = each(_port_map(metadata), lambda way: maps.append(_mapped(way)), MALFORMED)
    found.left_out += _reported("Service", one, wrong, "port map")
    found.balancers |= {address for address, _, _ in maps}

    def add(port: Any) -> None:
        protocol = port.protocol or "TCP"
        if protocol not in _PROTOCOLS:
            return
        number = _port(port.port)
        key = (str(metadata.namespace or ""), str(metadata.name or ""), str(port.name or ""))
        targets = tuple(sorted(endpoints.get(key, ())))
        if len(targets) > MOST_ENDPOINTS:
            reason = f"port {number} has {len(targets)} endpoints; the first {MOST_ENDPOINTS} get requests"
            found.left_out.append(LeftOut.of("Service", one, reason))
        places = [(address, number) for address in addresses]
        if found.node and port.nodePort:
            places.append((found.node, _port(port.nodePort)))
        places += [(address, mapped) for address, mapped, own in maps if own == number and protocol == "TCP"]
        found.ports += [ServicePort(address, protocol.lower(), at, targets[:MOST_ENDPOINTS]) for address, at in places]

    found.left_out += _reported("Service", one, each(specification.ports or (), add, MALFORMED), "port")


def _port_map(metadata: Any) -> list[str]:
    """The ways of a port map in front of an east-west gateway.

    Of no other Service: an account that may create one in some namespace could take the addresses of others with it.
    """
    place = str(metadata.namespace or "")
    if metadata.name != EAST_WEST_GATEWAY or not (place == ISTIO_SYSTEM or place.startswith(external_namespace(""))):
        return []
    return [way for way in ((metadata.annotations or {}).get(PORT_MAP) or "").split(",") if way]


def _mapped(way: str) -> tuple[str, int, int]:
    """Address and port of a port map, and the port of the Service that it leads to. Raises ValueError."""
    place, equals, own = way.partition("=")
    address, colon, port = place.rpartition(":")
    if not (equals and colon and port.isascii() and port.isdigit() and own.isascii() and own.isdigit()):
        raise ValueError(f"{way!r} is not address:port=port")
    return _address(address), _port(int(port)), _port(int(own))


def _balancers(service: Any) -> list[str]:
    """The IP addresses that the load balancer of a Service has been given."""
    balancer = service.status.loadBalancer if service.status else None
    return [ingress.ip for ingress in (balancer.ingress if balancer else None) or () if ingress.ip]


def _address(text: object) -> str:
    address = IPv4Address(str(text))
    if special := special_range(address):
        raise ValueError(f"{address} is in {special}")
    return str(address)


def _port(number: object) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 1 << 16:
        raise ValueError(f"{number!r} is no port")
    return number


def _reported(kind: str, one: Any, failures: Iterable[Failure[Any]], part: str) -> list[LeftOut]:
    return [LeftOut.of(kind, one, f"{part}: {failure.reason}") for failure in failures]
