"""Build the view of a fleet from its status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from meshfleet.errors import VerificationError
from meshfleet.identities.portal_access import place_of
from meshfleet.manifests.names import ingress_service
from meshfleet.providers.registry import is_local
from meshfleet.status import Status, read_status
from meshfleet.status.clusters import Cluster, ControlPlane, Gateway
from meshfleet.status.document import Mesh
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.identities import Decision
from meshfleet.verification.injected_view import injected_view
from meshfleet.verification.machine_view import machine_view
from meshfleet.verification.propagated_view import PropagatedView
from meshfleet.verification.view import (
    AdvertisedView,
    ClusterView,
    ControlPlaneView,
    DeclaredGateway,
    FederatedView,
    FleetView,
    GatewayView,
    MeshView,
    RootObject,
    fingerprint_digits,
)
from meshfleet.verification.workload_view import workload_view


def read_fleet(
    status: Status | Mapping[str, Any],
    tools: Path,
    home: Path | None = None,
    decisions: Mapping[str, Decision] | None = None,
    propagated: Mapping[str, PropagatedView] | None = None,
    declared: Fleet | None = None,
) -> FleetView:
    """The fleet of a status, or of what `meshfleet status --json` prints.

    All but the status are those of `FleetView`. Raises VerificationError as `read_status` does, and for a cluster
    without a kubeconfig.
    """
    known = status if isinstance(status, Status) else read_status(status)
    return FleetView(
        stack=known.stack,
        clusters=tuple(_cluster(cluster) for cluster in known.clusters),
        meshes=tuple(_mesh(mesh) for mesh in known.meshes),
        tools=tools,
        home=home,
        decisions=decisions or {},
        propagated=propagated or {},
        declared=declared,
        virtual_machines=tuple(machine_view(machines) for machines in known.virtual_machines),
        portal=place_of(known.portal),
    )


def _cluster(cluster: Cluster) -> ClusterView:
    if not cluster.kubeconfig:
        raise VerificationError(
            f"status: clusters.{cluster.name}.kubeconfig: the path of the cluster's kubeconfig is missing; "
            "run `meshfleet up`"
        )
    ingress = cluster.ingress_gateways
    return ClusterView(
        name=cluster.name,
        role=cluster.role,
        mesh=cluster.mesh,
        network=cluster.network,
        region=cluster.region,
        zone=cluster.zone,
        data_plane=cluster.data_plane,
        kubeconfig=Path(cluster.kubeconfig),
        context=cluster.context or None,
        control_plane=_control_plane(cluster.control_plane),
        gateway=_gateway(cluster.gateway),
        local=is_local(cluster.provider),
        pods=cluster.pods,
        workloads=tuple(workload_view(workload) for workload in cluster.workloads),
        federated=tuple(FederatedView(one.host, one.providers) for one in cluster.federated_services),
        injected=injected_view(cluster.injected),
        ingress_services=frozenset(f"{one.namespace}/{ingress_service(one.name, one.api)}" for one in ingress),
        injected_namespaces=cluster.injected_namespaces,
        read_by=cluster.read_by,
    )


def _control_plane(declared: ControlPlane) -> ControlPlaneView:
    plane = ControlPlaneView(
        kind=declared.kind,
        of=declared.of,
        revision=declared.revision,
        debug_url=_url(declared.debug_url),
        namespace=declared.namespace,
        gateway_revision=declared.gateway_revision,
    )
    others = {one.name: _url(one.debug_url) for one in declared.revisions if one.name != declared.revision}
    return replace(plane, others=tuple(replace(plane, revision=name, debug_url=url) for name, url in others.items()))


def _url(url: str | None) -> str | None:
    return url.rstrip("/") if url else None


def _gateway(gateway: Gateway | None) -> GatewayView | None:
    # A gateway without a network exposes only control planes.
    if not gateway or not gateway.address or not gateway.network:
        return None
    return GatewayView(
        address=gateway.address,
        port=gateway.port,
        named=gateway.named,
        network=gateway.network,
        istiod_port=gateway.istiod_port,
        advertised=tuple(AdvertisedView(one.address, one.port, one.istiod_port, one.to) for one in gateway.advertised),
    )


def _mesh(mesh: Mesh) -> MeshView:
    signing = fingerprint_digits(mesh.root_fingerprint) if mesh.root_fingerprint else None
    digits = [fingerprint_digits(root.fingerprint) for root in mesh.roots]
    return MeshView(
        name=mesh.name,
        trust_domain=mesh.trust_domain,
        root_fingerprint=signing,
        other_roots=tuple(root for root in digits if root != signing),
        mesh_config=mesh.settings.mesh_config,
        objects=tuple(RootObject(found.kind, found.name, found.spec) for found in mesh.settings.objects),
        network_gateways=tuple(
            DeclaredGateway(gateway.network, gateway.address, gateway.port) for gateway in mesh.network_gateways
        ),
    )
