"""Virtual machines: what they belong to is there and has room for them, and each address is of one machine.

Source: https://istio.io/latest/docs/ops/deployment/vm-architecture/
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.rules.gateway_addresses import gateways_of
from meshfleet.topology.virtual_machine import VirtualMachine

MODES = "https://istio.io/latest/docs/overview/dataplane-modes/"


def virtual_machines(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each thing machines are said to be in that is not there, or cannot have them."""
    for name, declared in draft.virtual_machines.items():
        path = f"virtualMachines.{name}"
        yield from _cluster(draft, path, declared)
        yield from _namespace(draft, path, declared)
        yield from _network(draft, path, declared)
    yield from _addresses(draft)


def _cluster(draft: Draft, path: str, declared: VirtualMachine) -> Iterator[Fault]:
    if declared.cluster not in draft.names["clusters"]:
        yield Fault(f"{path}.cluster", _unknown("cluster", declared.cluster, draft.names["clusters"]))
        return
    cluster = draft.clusters.get(declared.cluster)
    if cluster and cluster.data_plane == "ambient":
        yield Fault(
            f"{path}.cluster",
            f"{declared.cluster!r} is in ambient mode, which knows no virtual machines; name a cluster of a mesh of "
            f"sidecars ({MODES})",
        )


def _namespace(draft: Draft, path: str, declared: VirtualMachine) -> Iterator[Fault]:
    if declared.namespace not in draft.names["namespaces"]:
        yield Fault(f"{path}.namespace", _unknown("namespace", declared.namespace, draft.names["namespaces"]))
        return
    # One that is unreadable is a fault of its own.
    namespace, primary = draft.namespaces.get(declared.namespace), draft.primary_of(declared.cluster)
    if namespace and namespace.clusters and primary in draft.names["clusters"] and primary not in namespace.clusters:
        yield Fault(
            f"{path}.namespace",
            f"the namespace {declared.namespace!r} exists in {', '.join(namespace.clusters)} only, and the control "
            f"plane that the machines join reads {primary!r}; add that to its clusters",
        )


def _network(draft: Draft, path: str, declared: VirtualMachine) -> Iterator[Fault]:
    if not declared.network:
        return
    if declared.network not in draft.names["networks"]:
        yield Fault(f"{path}.network", _unknown("network", declared.network, draft.names["networks"]))
        return
    cluster = draft.clusters.get(declared.cluster)
    # While a cluster is unreadable the networks of its mesh are not known.
    if not cluster or len(draft.clusters) != len(draft.names["clusters"]):
        return
    mesh = draft.mesh_of(cluster)
    inside = list(dict.fromkeys(other.network for other in draft.clusters.values() if draft.mesh_of(other) == mesh))
    if mesh and declared.network not in inside:
        yield Fault(
            f"{path}.network",
            f"no cluster of the mesh {shown(mesh)} is on {shown(declared.network)}, so no gateway of it leads there; "
            f"its networks are {', '.join(inside)}",
        )


def _addresses(draft: Draft) -> Iterator[Fault]:
    first: dict[tuple[str, str], str] = {}
    for name, declared in draft.virtual_machines.items():
        cluster = draft.clusters.get(declared.cluster)
        network = declared.network or (cluster.network if cluster else "")
        taken = _taken(draft, draft.mesh_of(cluster)) if cluster else {}
        for position, address in enumerate(declared.addresses):
            path = f"virtualMachines.{name}.addresses[{position}]"
            before = first.setdefault((network, address), path)
            if before != path:
                yield Fault(path, f"{shown(address)} is also {before}; on one network an address is of one machine")
            if address in taken:
                yield Fault(path, f"{shown(address)} is also {taken[address]}; a machine is no gateway")
            yield from _ranges(draft, path, network, address)


def _ranges(draft: Draft, path: str, network: str, address: str) -> Iterator[Fault]:
    for name, cluster in draft.clusters.items():
        if cluster.network != network:
            continue
        for key, block in (("podCidr", cluster.pod_cidr), ("serviceCidr", cluster.service_cidr)):
            if block and ip_address(address) in block:
                yield Fault(
                    path,
                    f"{shown(address)} lies in the {key} {block} of {name!r}, which is on the same network; "
                    "give the machine an address beside it",
                )


def _taken(draft: Draft, mesh: str) -> dict[str, str]:
    """The addresses that gateways of a mesh ask for, each with its place."""
    found = {}
    for name, cluster in draft.clusters.items():
        if draft.mesh_of(cluster) == mesh:
            for path, gateway in gateways_of(name, cluster):
                if gateway.load_balancer_ip:
                    found[gateway.load_balancer_ip] = f"{path}.loadBalancerIp"
            outside = draft.networks.get(cluster.network)
            for position, declared in enumerate(outside.gateways if outside else ()):
                found[declared.address] = f"networks.{cluster.network}.gateways[{position}].address"
    return found


def _unknown(kind: str, name: str, known: tuple[str, ...]) -> str:
    return f"no {kind} is named {shown(name)}; known are {', '.join(known) or 'none'}"
