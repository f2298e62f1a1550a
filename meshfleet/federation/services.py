"""Federated Services: which clusters answer for each, which call it, and which lack a Service of its name. Pure.

Source: https://multicluster.sigs.k8s.io/concepts/multicluster-services-api/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshfleet.federation.affinity import mismatch
from meshfleet.federation.candidates import candidates
from meshfleet.federation.propagated import Propagated, propagations
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.multi_cluster_service import CLUSTER_SET, MultiClusterService, ServicePort, address_of
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.propagation.kinds import mapping
from meshfleet.topology.workload import SERVICE_PORTS

SERVICE = ("", "Service")
NO_ADDRESS = "None"
"""The cluster IP of a headless Service."""


@dataclass(frozen=True)
class FederatedService:
    """A Service that is federated. `key` is its name in the stack file, `name` that of the Service.

    `providers` and `consumers` are clusters in the order of the stack file; a provider is a consumer as a rule.
    `workload` says whether it is that of a workload of the stack, `propagated` are the clusters that get it by
    propagations, each with its body.
    """

    key: str
    name: str
    namespace: str
    headless: bool
    address: str
    ports: tuple[ServicePort, ...]
    providers: tuple[str, ...]
    consumers: tuple[str, ...]
    workload: bool
    propagated: Mapping[str, tuple[Propagated, Mapping[str, Any]]]

    @property
    def host(self) -> str:
        """The name by which it is called in every cluster that imports it."""
        return f"{self.name}.{self.namespace}.{CLUSTER_SET}"

    @property
    def importers(self) -> tuple[str, ...]:
        """The clusters that import it.

        Those that provide it among them: an istiod takes endpoints of a cluster for those of the name only where the
        cluster imports it (EndpointDiscoverabilityPolicy of
        pilot/pkg/serviceregistry/kube/controller/serviceexportcache.go of istio/istio).
        """
        return tuple(dict.fromkeys((*self.providers, *self.consumers)))

    @property
    def stubs(self) -> tuple[str, ...]:
        """The clusters that call it, and have no Service of its name but for one without endpoints of its own.

        The Service of a workload is in all clusters of its namespace already.
        """
        if self.workload:
            return ()
        return tuple(one for one in self.consumers if one not in self.providers and one not in self.propagated)


def federated_services(fleet: Fleet) -> tuple[FederatedService, ...]:
    """The federated Services in the order of the stack file; computed once."""
    return fleet.derived(_federated)


def of_mesh(fleet: Fleet, mesh: str) -> tuple[FederatedService, ...]:
    """Those that a cluster of a mesh imports."""
    members = set(fleet.members_of(mesh))
    return tuple(one for one in federated_services(fleet) if members.intersection(one.importers))


def selected(fleet: Fleet, affinity: ClusterAffinity) -> tuple[str, ...]:
    """The clusters that a selector selects."""
    return tuple(one.name for one in candidates(fleet) if not mismatch(affinity, one))


def _federated(fleet: Fleet) -> tuple[FederatedService, ...]:
    return tuple(_resolved(fleet, key, declared) for key, declared in fleet.multi_cluster_services.items())


def _resolved(fleet: Fleet, key: str, declared: MultiClusterService) -> FederatedService:
    name, namespace = declared.service or key, declared.namespace
    workload = fleet.workloads.get(name)
    ours = workload is not None and workload.namespace == namespace
    propagated = _propagated(fleet, namespace, name)
    if declared.provider_clusters is not None:
        providers = selected(fleet, declared.provider_clusters)
    else:
        providers = fleet.clusters_of(name) if ours else tuple(one for one in fleet.clusters if one in propagated)
    meshes = {fleet.mesh_of(one) for one in providers}
    if declared.consumer_clusters is not None:
        consumers = selected(fleet, declared.consumer_clusters)
    else:
        consumers = tuple(
            one for one in fleet.clusters if fleet.mesh_of(one) in meshes and namespace in fleet.namespaces_of(one)
        )
    return FederatedService(
        key=key,
        name=name,
        namespace=namespace,
        headless=declared.type == "Headless",
        address=declared.ip or address_of(namespace, name),
        ports=declared.ports or _ports(propagated, ours=ours),
        providers=providers,
        consumers=consumers,
        workload=ours,
        propagated=propagated,
    )


def _propagated(fleet: Fleet, namespace: str, name: str) -> dict[str, tuple[Propagated, Mapping[str, Any]]]:
    """The clusters that get a Service of the name by propagations, each with its body there."""
    return {
        cluster: (one, copy.body)
        for one in propagations(fleet).objects
        if one.key == (*SERVICE, namespace, name)
        for cluster, copy in one.copies.items()
    }


def _ports(propagated: Mapping[str, tuple[Propagated, Mapping[str, Any]]], *, ours: bool) -> tuple[ServicePort, ...]:
    if ours:
        return tuple(ServicePort(name=name, port=number) for name, number in SERVICE_PORTS.items())
    bodies = [body for _, body in propagated.values()]
    found = zip(ports_of(bodies[0]), _target_ports(bodies[0]), strict=True) if bodies else ()
    return tuple(ServicePort.model_construct(name=name, port=number, target_port=to) for (name, number), to in found)


def ports_of(body: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """Name and number of the ports of a Service, in their order."""
    return tuple((str(one.get("name") or ""), int(one["port"])) for one in _ports_with_numbers(body))


def _target_ports(body: Mapping[str, Any]) -> tuple[Any, ...]:
    """Where the ports of a Service lead, in their order; None for one that leaves it out."""
    return tuple(one.get("targetPort") for one in _ports_with_numbers(body))


def _ports_with_numbers(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    declared = mapping(body.get("spec")).get("ports")
    ports = [mapping(one) for one in declared] if isinstance(declared, list) else []
    return [one for one in ports if isinstance(one.get("port"), int)]


def is_headless(body: Mapping[str, Any]) -> bool:
    """Whether a Service has no address of its own."""
    return mapping(body.get("spec")).get("clusterIP") == NO_ADDRESS
