"""What is wrong with the federated Services of a fleet, seen once their clusters are chosen. Pure.

What a stack file alone shows is in the rules of the topology (rules/multi_cluster_services.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.federation.affinity import listed, selecting_nothing
from meshfleet.federation.candidates import candidates
from meshfleet.federation.services import (
    FederatedService,
    federated_services,
    is_headless,
    ports_of,
)
from meshfleet.topology.discovery import discovers
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.rules.multi_cluster_services import selectors
from meshfleet.topology.workload import SERVICE_PORTS


def service_faults(fleet: Fleet) -> list[Fault]:
    """Every fault of the federated Services of a fleet, but for those that the stack file alone shows."""
    found: list[Fault] = []
    addresses: dict[tuple[str, str], FederatedService] = {}
    for one in federated_services(fleet):
        path = f"multiClusterServices.{one.key}"
        # Without clusters nothing more can be said.
        absent = [*_absent(fleet, path, one)]
        found += absent or [*_of_one(fleet, path, one), *_address(fleet, path, one, addresses)]
    return found


def _absent(fleet: Fleet, path: str, one: FederatedService) -> Iterator[Fault]:
    declared = fleet.multi_cluster_services[one.key]
    yield from selecting_nothing(path, selectors(declared), candidates(fleet))
    if not one.providers and declared.provider_clusters is None:
        yield Fault(
            f"{path}.providerClusters",
            f"missing; the stack runs no Service {one.name} in the namespace {one.namespace}, so that none "
            "exports it; select the clusters that do",
        )
    if not one.ports:
        yield Fault(f"{path}.ports", "missing; the stack has no such Service that would say them; give its ports")


def _of_one(fleet: Fleet, path: str, one: FederatedService) -> Iterator[Fault]:
    meshes = list(dict.fromkeys(fleet.mesh_of(each) for each in one.importers))
    if len(meshes) > 1:
        yield Fault(
            path, f"its clusters are of the meshes {', '.join(meshes)}, which share nothing; select one's alone"
        )
        return
    (mesh,) = meshes
    if fleet.is_ambient(mesh):
        yield Fault(
            path,
            f"ztunnels of ambient mode, as in the mesh {mesh}, know no names of clusterset.local; leave it out, and "
            "use namespaces.<name>.globalServices",
        )
        return
    if not fleet.meshes[mesh].settings.dns_capture:
        yield Fault(
            path,
            f"nothing responds to queries for {one.host} but sidecars; set meshes.{mesh}.settings.dnsCapture to true",
        )
    without = [each for each in one.importers if one.namespace not in fleet.namespaces_of(each)]
    if without:
        yield Fault(
            f"{path}.namespace",
            f"the namespace {one.namespace} does not exist in {listed(without)}; add it to its clusters, or select "
            "others",
        )
    yield from _running(fleet, path, one)
    yield from _content(path, one)
    yield from _read(fleet, path, one)
    if one.headless:
        yield from _headless(fleet, path, one)
    yield from _taken(fleet, path, one)


def _running(fleet: Fleet, path: str, one: FederatedService) -> Iterator[Fault]:
    """Where the stack runs it, no cluster provides it in which it does not."""
    runs = fleet.clusters_of(one.name) if one.workload else tuple(one.propagated)
    idle = [each for each in one.providers if each not in runs]
    if runs and idle:
        what = f"workloads.{one.name}" if one.workload else "the propagated Service"
        yield Fault(
            f"{path}.providerClusters",
            f"{what} does not run in {listed(idle)}, so that nothing responds there; leave them out",
        )


def _content(path: str, one: FederatedService) -> Iterator[Fault]:
    """What is declared agrees with the Services that the stack makes."""
    given = sorted((port.name, port.port) for port in one.ports)
    if one.workload and given != sorted(SERVICE_PORTS.items()):
        seen = ", ".join(f"{name} {number}" for name, number in SERVICE_PORTS.items())
        yield Fault(f"{path}.ports", f"differ from those of workloads.{one.name}, which are {seen}; give the same")
    for cluster, (propagated, body) in one.propagated.items():
        if sorted(ports_of(body)) != given:
            seen = ", ".join(f"{name or 'unnamed'} {number}" for name, number in ports_of(body)) or "none"
            yield Fault(
                f"{path}.ports", f"differ from those of {propagated.path} in {cluster}, which are {seen}; give the same"
            )
            return
        if is_headless(body) != one.headless:
            kind = "Headless" if is_headless(body) else "ClusterSetIP"
            yield Fault(f"{path}.type", f"{propagated.path} says otherwise by its clusterIP; use {kind}")
            return


def _read(fleet: Fleet, path: str, one: FederatedService) -> Iterator[Fault]:
    """The control planes of all that call it read those that provide it."""
    for consumer in one.importers:
        primary = fleet.primary_of(consumer)
        unread = [
            each for each in one.providers if not discovers(primary, each, fleet.clusters[each].discovery.read_by)
        ]
        if unread:
            yield Fault(
                f"{path}.consumerClusters",
                f"the control plane of {consumer} does not read {listed(unread)}, so that it knows no endpoint there; "
                f"add {primary} to clusters.<name>.discovery.readBy of these, or leave {consumer} out",
            )


def _headless(fleet: Fleet, path: str, one: FederatedService) -> Iterator[Fault]:
    if one.workload:
        yield Fault(f"{path}.type", f"the Service of workloads.{one.name} has an address; use ClusterSetIP")
    for consumer in one.consumers:
        network = fleet.clusters[consumer].network
        if all(fleet.clusters[each].network != network for each in one.providers):
            # https://github.com/istio/istio/issues/38327
            yield Fault(
                f"{path}.type",
                f"no provider is on the network of {consumer}, and istiod answers for a headless Service with pods of "
                "the caller's network alone; use ClusterSetIP, or leave the cluster out of consumerClusters",
            )


def _taken(fleet: Fleet, path: str, one: FederatedService) -> Iterator[Fault]:
    """Whether a stub would be what the fleet makes for something else."""
    for cluster in one.stubs:
        mesh = fleet.mesh_of(cluster)
        machine = fleet.virtual_machines.get(one.name)
        gateways = fleet.clusters[cluster].ingress_gateways.items()
        if machine and machine.namespace == one.namespace and fleet.mesh_of(machine.cluster) == mesh:
            yield Fault(path, f"{one.name!r} is what the Service of virtualMachines.{one.name} is called; leave it out")
            return
        for gateway, declared in gateways:
            called = gateway if declared.api == "istio" else f"{gateway}-istio"
            if called == one.name and fleet.ingress_namespace(cluster, gateway) == one.namespace:
                where = f"clusters.{cluster}.ingressGateways.{gateway}"
                yield Fault(path, f"{one.name!r} is what the Service of {where} is called; use another name")
                return


def _address(
    fleet: Fleet, path: str, one: FederatedService, addresses: dict[tuple[str, str], FederatedService]
) -> Iterator[Fault]:
    """Whether another one of the mesh has its address."""
    if one.headless:
        return
    other = addresses.setdefault((fleet.mesh_of(one.providers[0]), one.address), one)
    if other is not one:
        where = f"{path}.ip" if fleet.multi_cluster_services[one.key].ip else path
        yield Fault(where, f"{one.address} is also the address of multiClusterServices.{other.key}; give it another ip")
