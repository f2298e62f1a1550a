"""Federated Services: what each cluster gets so that one name leads to a Service of several clusters.

An istiod that serves such names (service_discovery.py) shares between clusters what is exported, no more. So in its
mesh the Services of workloads are exported too, where their pods run.

Sources: https://multicluster.sigs.k8s.io/concepts/multicluster-services-api/ and, of istio/istio,
pilot/pkg/features/experimental.go, serviceexportcache.go and serviceimportcache.go of
pilot/pkg/serviceregistry/kube/controller
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from meshfleet.federation.services import NO_ADDRESS, FederatedService, federated_services
from meshfleet.manifests import definitions, names
from meshfleet.manifests.definitions import MCS_VERSION
from meshfleet.manifests.objects import NOT_AWAITED, Object, metadata
from meshfleet.manifests.propagations import document_name
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.manifests.service_discovery import settings
from meshfleet.topology import Fleet

EXPORTS, IMPORTS = "service-definition-exports", "service-definition-imports"
# istiod makes no host of an import without an address. This one it takes for that of a Service that has none, and
# answers with the addresses of pods (BuildNameTable of pkg/dns/server/name_table.go).
UNSPECIFIED: Final = "0.0.0.0"  # noqa: S104 - nothing listens there


def _definitions(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    if not settings(fleet, fleet.mesh_of(cluster)):
        return []
    made = {EXPORTS: definitions.service_export(), IMPORTS: definitions.service_import()}
    return [Document(name, DEFINITIONS, body, after=(Point.SYSTEM_PREPARED,)) for name, body in made.items()]


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """The exports, imports and stubs of a cluster, in the order of the stack file."""
    if not settings(fleet, fleet.mesh_of(cluster)):
        return []
    found = [document for one in federated_services(fleet) for document in _of_one(fleet, cluster, one)]
    return [*found, *_of_workloads(fleet, cluster)]


def _of_one(fleet: Fleet, cluster: str, one: FederatedService) -> Iterator[Document]:
    """An import comes last: istiod makes the host of one as soon as it knows a Service of the name, and no sooner."""
    if cluster not in one.importers:
        return
    before = [Point.ISTIOD_READY, names.namespace(one.namespace)]
    if cluster in one.stubs:
        stub = f"service-stub-{one.key}"
        yield Document(stub, SECTION, _stub(one), after=tuple(before))
        before.append(stub)
    elif one.workload:
        before.append(f"workload-service-{one.name}")
    elif cluster in one.propagated:
        propagated, _ = one.propagated[cluster]
        before.append(document_name(propagated.propagation, propagated.key))
    if cluster in one.providers:
        export = f"service-export-{one.key}"
        yield Document(export, SECTION, _export(one.name, one.namespace), after=(*before, EXPORTS))
        before.append(export)
    yield Document(f"service-import-{one.key}", SECTION, _import(one), after=(*before, IMPORTS))


def _of_workloads(fleet: Fleet, cluster: str) -> Iterator[Document]:
    """The exports of workloads that are not federated by name, and are shared within the mesh all the same."""
    declared = {(one.namespace, one.name) for one in federated_services(fleet)}
    for name, workload in sorted(fleet.workloads_of(cluster).items()):
        if fleet.versions_in(name, cluster) and (workload.namespace, name) not in declared:
            yield Document(
                f"workload-export-{name}",
                SECTION,
                _export(name, workload.namespace),
                after=(Point.ISTIOD_READY, f"workload-service-{name}", EXPORTS),
                declared_in="workloads",
            )


def _stub(one: FederatedService) -> Object:
    """A Service of the name without endpoints, for what looks its name up and for the routes of proxies.

    Source: https://github.com/istio/istio/issues/31760
    """
    spec: Object = {"clusterIP": NO_ADDRESS} if one.headless else {}
    # The same in all clusters: where Services of a name differ, `istioctl analyze` warns of it (IST0170).
    leading = {port.name: {"targetPort": port.target_port} for port in one.ports if port.target_port is not None}
    ports = [port | leading.get(port["name"], {}) for port in _ports(one)]
    # Without endpoints it would be waited for in vain.
    described = metadata(one.name, one.namespace, annotations=NOT_AWAITED)
    return {"apiVersion": "v1", "kind": "Service", "metadata": described, "spec": spec | {"ports": ports}}


def _export(name: str, namespace: str) -> Object:
    return {"apiVersion": MCS_VERSION, "kind": "ServiceExport", "metadata": metadata(name, namespace)}


def _import(one: FederatedService) -> Object:
    spec: Object = {
        "type": "Headless" if one.headless else "ClusterSetIP",
        "ips": [UNSPECIFIED if one.headless else one.address],
        "ports": _ports(one),
    }
    return {
        "apiVersion": MCS_VERSION,
        "kind": "ServiceImport",
        "metadata": metadata(one.name, one.namespace),
        "spec": spec,
    }


def _ports(one: FederatedService) -> list[Object]:
    return [{"name": port.name, "port": port.port, "protocol": "TCP"} for port in one.ports]


def described(fleet: Fleet, cluster: str) -> list[Object]:
    """The federated Services that a cluster imports, as status tells them."""
    return [
        {
            "name": one.name,
            "namespace": one.namespace,
            "host": one.host,
            "address": None if one.headless else one.address,
            "providers": list(one.providers),
        }
        for one in federated_services(fleet)
        if cluster in one.importers
    ]


DEFINITIONS = Section(
    name="service-definitions",
    stage=Stage.CONTROL_PLANE,
    component="ServiceDefinitions",
    documents=_definitions,
    declared_in="multiClusterServices",
    what="the definitions of the Multi-Cluster Services API, in a mesh that federates a Service",
    waits_for="the system namespace",
)
SECTION = Section(
    name="multi-cluster-services",
    stage=Stage.WORKLOADS,
    component="MultiClusterServices",
    documents=documents,
    declared_in="multiClusterServices",
    what="[federated Services](names.md): exports, imports, and Services without endpoints where others answer",
    waits_for="a ready istiod; the definitions, their namespace and their Service",
)
