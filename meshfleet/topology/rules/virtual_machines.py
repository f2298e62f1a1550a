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
        yield from _gateway(draft, path, declared)
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
    mesh, meshes = draft.machine_mesh(declared), draft.names["meshes"]
    for place, other, of in _others_on(draft, declared.network):
        # The first one on a network says whose it is; a mesh that is missing or unknown is a fault of its own.
        if place != path and of != mesh and {mesh, of} <= set(meshes):
            yield Fault(
                f"{path}.network",
                f"the network {shown(declared.network)} serves the mesh {shown(of)} through {shown(other)}; meshes "
                f"share no network: name one of {shown(mesh)}, or declare one for these machines in `networks`",
            )
        return


def _others_on(draft: Draft, network: str) -> Iterator[tuple[str, str, str | None]]:
    """What is on a network, clusters first: its path, its name and its mesh."""
    for name, cluster in draft.clusters.items():
        if cluster.network == network:
            yield f"clusters.{name}", name, draft.mesh_of(cluster)
    for name, declared in draft.virtual_machines.items():
        if draft.machine_network(declared) == network:
            yield f"virtualMachines.{name}", name, draft.machine_mesh(declared)


def _gateway(draft: Draft, path: str, declared: VirtualMachine) -> Iterator[Fault]:
    network = draft.machine_network(declared)
    if declared.gateway and network in draft.networks and not draft.networks[network].gateways:
        yield Fault(
            f"{path}.gateway",
            f"other networks find a gateway by its address, and {shown(network)} declares none; give the address at "
            f"which they reach it in networks.{network}.gateways",
        )


def _addresses(draft: Draft) -> Iterator[Fault]:
    first: dict[tuple[str, str], str] = {}
    for name, declared in draft.virtual_machines.items():
        network, mesh = draft.machine_network(declared), draft.machine_mesh(declared)
        taken = _taken(draft, mesh) if mesh is not None else {}
        if declared.gateway and network in draft.networks:
            taken = {address: place for address, place in taken.items() if not place.startswith(f"networks.{network}.")}
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
    for network in draft.networks_of(mesh):
        outside = draft.networks.get(network)
        for position, declared in enumerate(outside.gateways if outside else ()):
            found[declared.address] = f"networks.{network}.gateways[{position}].address"
    return found


def _unknown(kind: str, name: str, known: tuple[str, ...]) -> str:
    return f"no {kind} is named {shown(name)}; known are {', '.join(known) or 'none'}"
