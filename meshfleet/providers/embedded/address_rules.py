"""What the addresses of a cluster on this machine can be: its control plane, its nodes and its networks set limits.

Its control plane is bound to 127.0.0.1, so it serves IPv4 alone (cmd/kube-apiserver/app/options/validation.go of
kubernetes/kubernetes, as the size of a Service range); its node routes IPv4 alone. Clusters elsewhere have the
limits of their provider, IPv6 included: https://istio.io/latest/docs/setup/additional-setup/dual-stack/
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, ip_address

from meshfleet.errors.faults import Fault
from meshfleet.providers.embedded.settings import Embedded
from meshfleet.redaction.shown import shown
from meshfleet.topology.address_blocks import GATEWAY_RANGE, MACHINE_RANGE, POD_RANGE
from meshfleet.topology.addresses import is_ip
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.draft import Draft
from meshfleet.topology.rules.gateway_addresses import gateways_of

# Prefix lengths, the largest range first. The largest of Services is kube-apiserver's (20 bits of addresses), the
# smallest of pods that of a node which declares none.
_SERVICES = range(12, 25)
_PODS = range(8, 27)
_PODS_OF_A_NODE = 24
_EXAMPLE = "198.18.200.9"


def addresses(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each address or range that a cluster on this machine, or its data plane, cannot have."""
    for name, cluster in draft.clusters.items():
        if cluster.local:
            yield from _ranges(f"clusters.{name}", cluster)
            yield from _size(f"clusters.{name}", cluster)
            yield from _pods_without_a_range(draft, name, cluster)
        if cluster.capabilities.pods == "processes":
            yield from _gateways(name, cluster)
    for mesh in draft.names["meshes"]:
        members = {name: cluster for name, cluster in draft.clusters.items() if draft.mesh_of(cluster) == mesh}
        processes = next((name for name, cluster in members.items() if cluster.capabilities.pods == "processes"), None)
        if processes:
            yield from _seen_from(draft, processes, members)
            yield from _advertised(processes, members)


def _ranges(path: str, cluster: Cluster) -> Iterator[Fault]:
    own = {GATEWAY_RANGE: "gateways", MACHINE_RANGE: "virtual machines"}
    for key, block, sizes in (("podCidr", cluster.pod_cidr, _PODS), ("serviceCidr", cluster.service_cidr, _SERVICES)):
        if block is None:
            continue
        if not isinstance(block, IPv4Network):
            yield Fault(f"{path}.{key}", f"{block} is IPv6, and an embedded cluster has IPv4 alone; use 10.10.0.0/16")
            continue
        for taken, whose in own.items():
            if block.overlaps(taken):
                yield Fault(
                    f"{path}.{key}", f"{block} overlaps {taken}, which {whose} have on this machine; use 10.10.0.0/16"
                )
        if block.prefixlen not in sizes:
            yield Fault(
                f"{path}.{key}",
                f"{block} is a /{block.prefixlen}; an embedded cluster takes /{sizes[0]} to /{sizes[-1]}",
            )


def _size(path: str, cluster: Cluster) -> Iterator[Fault]:
    pods, nodes = cluster.pod_cidr, cluster.settings(Embedded).nodes
    if isinstance(pods, IPv4Network) and pods.prefixlen in _PODS:
        most = 1 << max(_PODS_OF_A_NODE - pods.prefixlen, 0)
        if nodes > most:
            yield Fault(
                f"{path}.podCidr",
                f"{pods} has room for {most} nodes of a /{_PODS_OF_A_NODE} each, not for {nodes}; "
                "use a larger range or fewer nodes",
            )


def _pods_without_a_range(draft: Draft, name: str, cluster: Cluster) -> Iterator[Fault]:
    """Ranges that overlap the one of nodes that declare none: its own, or that of another node on its network."""
    for other, beside in draft.clusters.items():
        if beside.capabilities.pods != "processes" or beside.pod_cidr:
            continue
        for key, block in (("podCidr", cluster.pod_cidr), ("serviceCidr", cluster.service_cidr)):
            together = other == name or (key == "podCidr" and beside.network == cluster.network)
            if together and isinstance(block, IPv4Network) and block.overlaps(POD_RANGE):
                yield Fault(
                    f"clusters.{name}.{key}",
                    f"{block} overlaps {POD_RANGE}, from which the pods of {other!r} have their addresses; "
                    f"use another range, or give {other!r} a podCidr",
                )


def _gateways(name: str, cluster: Cluster) -> Iterator[Fault]:
    for path, gateway in gateways_of(name, cluster):
        if gateway.hostname:
            yield Fault(
                f"{path}.hostname",
                f"{shown(gateway.hostname)} is resolved by no DNS server of this machine's networks, and the pods of "
                f"{name!r} are processes; leave it out, or give a loadBalancerIp of {GATEWAY_RANGE}",
            )
        if gateway.load_balancer_ip and not _leads_across(gateway.load_balancer_ip):
            yield Fault(f"{path}.loadBalancerIp", _not_led(gateway.load_balancer_ip, name))


def _seen_from(draft: Draft, processes: str, members: dict[str, Cluster]) -> Iterator[Fault]:
    """What pods that are processes have to reach in their mesh: other clusters' gateways, networks' and machines."""
    # What leads to machines alone is somebody else's, or one of the machines: it has the address that it has there.
    networks = dict.fromkeys(cluster.network for cluster in members.values())
    for name, cluster in members.items():
        if cluster.capabilities.pods == "processes" or not cluster.east_west_gateway:
            continue
        address = cluster.east_west_gateway.load_balancer_ip
        if address and not _leads_across(address):
            yield Fault(f"clusters.{name}.eastWestGateway.loadBalancerIp", _not_led(address, processes))
    for network in networks:
        declared = draft.networks.get(network)
        for position, gateway in enumerate(declared.gateways if declared else ()):
            if is_ip(gateway.address) and not _leads_across(gateway.address):
                yield Fault(f"networks.{network}.gateways[{position}].address", _not_led(gateway.address, processes))
    for name, machines in draft.virtual_machines.items():
        for position, address in enumerate(machines.addresses if machines.cluster in members else ()):
            path = f"virtualMachines.{name}.addresses[{position}]"
            if ip_address(address).version != 4:
                yield Fault(path, f"{shown(address)} is IPv6, and the pods of {processes!r} have IPv4 alone")
            elif ip_address(address) in GATEWAY_RANGE:
                yield Fault(path, f"{shown(address)} is in {GATEWAY_RANGE}, which gateways have on this machine")


def _advertised(processes: str, members: dict[str, Cluster]) -> Iterator[Fault]:
    """Advertised addresses, which nodes on this machine stand for: each that of one node, and none of them a name."""
    first: dict[str, tuple[str, str]] = {}
    for name, cluster in members.items():
        gateway = cluster.east_west_gateway
        for position, entry in enumerate(gateway.advertised if gateway else ()):
            path = f"clusters.{name}.eastWestGateway.advertised[{position}].address"
            if not is_ip(entry.address):
                if cluster.capabilities.pods == "processes":
                    yield Fault(
                        path,
                        f"{shown(entry.address)} is resolved by no DNS server of this machine's networks, and the pods "
                        f"of {processes!r} are processes; use an address of {GATEWAY_RANGE}, such as {_EXAMPLE}",
                    )
                continue
            before, whose = first.setdefault(entry.address, (path, name))
            if not _leads_across(entry.address):
                yield Fault(
                    path,
                    f"{shown(entry.address)} is not routed between the networks of this machine, and the pods of "
                    f"{processes!r} are processes; use an address of {GATEWAY_RANGE}, such as {_EXAMPLE}",
                )
            elif whose != name:
                yield Fault(
                    path,
                    f"{shown(entry.address)} is also {before}, and on this machine one node has an address; "
                    f"use another of {GATEWAY_RANGE}, such as {_EXAMPLE}",
                )


def _leads_across(address: str) -> bool:
    parsed = ip_address(address)
    ends = (GATEWAY_RANGE.network_address, GATEWAY_RANGE.broadcast_address)
    return parsed in GATEWAY_RANGE and parsed not in ends


def _not_led(address: str, cluster: str) -> str:
    return (
        f"{shown(address)} is not routed between the networks of this machine, and the pods of {cluster!r} are "
        f"processes; use an address of {GATEWAY_RANGE}, or leave it out"
    )
