"""The fields of the status (meshfleet/status/) of each cluster and mesh, with outputs for what a run finds out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.control_plane import ControlPlaneResources
from meshfleet.components.east_west_gateway import EastWestGateway
from meshfleet.components.ingress_gateways import IngressGateways
from meshfleet.components.trust import MeshTrust, TrustResources
from meshfleet.manifests import ingress_gateways as ingress
from meshfleet.manifests import injected, multi_cluster_services, workloads
from meshfleet.manifests import mesh_settings as settings
from meshfleet.manifests.additions import added_object
from meshfleet.rollout.root_rotation import describe
from meshfleet.topology import Fleet
from meshfleet.topology.gateways import ISTIOD_PORT, advertised_to
from meshfleet.topology.system_names import ISTIO_SYSTEM


@dataclass(frozen=True)
class Described:
    """The parts of a registered fleet that are told, each by the cluster's name."""

    access: Mapping[str, ClusterAccess]
    trust: Mapping[str, TrustResources]
    control_planes: Mapping[str, ControlPlaneResources]
    gateways: Mapping[str, EastWestGateway]
    ingress_gateways: Mapping[str, IngressGateways]


def describe_mesh(fleet: Fleet, mesh: str, trust: MeshTrust, registered: Described) -> dict[str, Any]:
    """One mesh: its model in Istio's describe, its trust domain and its roots."""
    bundle = fleet.meshes[mesh].trust.bundle
    ready = [resource.urn for name in fleet.members_of(mesh) for resource in registered.control_planes[name].ready]

    def once_everywhere(value: Any) -> pulumi.Output[Any]:
        # The next run takes it for what every cluster has; while one has failed nothing is exported.
        return pulumi.Output.all(*ready).apply(lambda _: value)

    return {
        "name": mesh,
        "trustDomain": fleet.meshes[mesh].trust_domain,
        "model": fleet.model_of(mesh),
        "settings": _settings(fleet, mesh),
        "networkGateways": [
            {"network": network, "address": gateway.address, "port": gateway.port}
            for network in fleet.networks_of(mesh)
            for gateway in fleet.networks[network].gateways
        ],
        "rootFingerprint": trust.signing.fingerprint,
        "rootNotAfter": trust.signing.not_after,
        "roots": [
            {"name": name, "fingerprint": root.fingerprint, "notAfter": root.not_after}
            for name, root in trust.roots.items()
        ],
        "signing": once_everywhere(bundle[0]),
        "trust": describe(bundle),
    }


def _settings(fleet: Fleet, mesh: str) -> dict[str, Any]:
    """What the control planes of a mesh are asked to hold; `verify` looks for it in each of them."""
    # Additions leave them equal in all control planes of the mesh.
    first = fleet.primaries_of(mesh)[0] if fleet.primaries_of(mesh) else ""
    objects = [
        added_object(fleet, first, name, body) if first else body
        for name, body in settings.mesh_objects(fleet, mesh, ISTIO_SYSTEM).items()
    ]
    return {
        "meshConfig": settings.mesh_config(fleet, mesh),
        "objects": [{"kind": body["kind"], "name": body["metadata"]["name"], "spec": body["spec"]} for body in objects],
    }


def describe_cluster(fleet: Fleet, name: str, registered: Described) -> dict[str, Any]:
    """One cluster: what was declared of it and where it is found."""
    declared, access = fleet.clusters[name], registered.access[name]
    istio = fleet.istio
    urls = {revision: process.debug_url for revision, process in registered.control_planes[name].processes.items()}
    trust, gateway = registered.trust.get(name), registered.gateways.get(name)
    return {
        "name": name,
        "role": fleet.role(name),
        "provider": declared.provider,
        "mesh": fleet.mesh_of(name),
        "network": declared.network,
        "region": declared.region,
        "zone": declared.zone,
        "readBy": None if declared.discovery.read_by is None else list(fleet.readers_of(name)),
        "podCidr": str(declared.pod_cidr) if declared.pod_cidr else None,
        "serviceCidr": str(declared.service_cidr) if declared.service_cidr else None,
        "context": access.context,
        "server": access.server,
        "identity": access.identity,
        "dataPlane": declared.data_plane,
        "pods": access.pods,
        "controlPlane": {
            "kind": declared.control_plane.kind,
            "of": declared.control_plane.of or name,
            "revision": istio.revision,
            "namespace": fleet.system_namespace(name),
            "debugUrl": urls.get(istio.revision),
            "gatewayRevision": istio.gateways,
            "tags": list(istio.tags),
            "revisions": [
                {"name": revision, "version": istio.version_of(revision), "debugUrl": urls.get(revision)}
                for revision in istio.installed
            ],
        },
        "gateway": _gateway(fleet, name, gateway) if gateway else None,
        "ingressGateways": [
            {
                "name": ingress_gateway,
                "api": given.api,
                "namespace": fleet.ingress_namespace(name, ingress_gateway),
                "address": registered.ingress_gateways[name].reached[ingress_gateway].address,
                "listeners": [
                    listener
                    | {"port": registered.ingress_gateways[name].reached[ingress_gateway].port(listener["port"])}
                    for listener in ingress.described(given)
                ],
            }
            for ingress_gateway, given in declared.ingress_gateways.items()
        ],
        "workloads": workloads.described(fleet, name),
        "federatedServices": multi_cluster_services.described(fleet, name),
        "injected": injected.described(fleet, name) if declared.data_plane == "sidecar" else None,
        "intermediateNotAfter": trust.intermediate.not_after if trust else None,
        "injectedNamespaces": [
            namespace for namespace, declared in fleet.namespaces_of(name).items() if declared.injection
        ],
    }


def _gateway(fleet: Fleet, name: str, gateway: EastWestGateway) -> dict[str, Any]:
    declared = fleet.clusters[name].east_west_gateway
    advertised = declared.advertised if declared else ()
    # What most use, where it is not the address of the Service.
    others = advertised_to(advertised, "") or next(iter(advertised), None)
    return {
        "address": others.address if others else gateway.address,
        "port": others.port if others else gateway.port,
        # A gateway without it leads to control planes alone.
        "network": fleet.gateway_network(name) if fleet.is_network_gateway(name) else "",
        # A name that the fleet itself published need not be known to anybody.
        "named": bool(declared and declared.hostname and not advertised),
        "istiodPort": others.istiod_port if others else gateway.reached.port(ISTIOD_PORT),
        "advertised": [
            {
                "address": entry.address,
                "port": entry.port,
                "istiodPort": entry.istiod_port,
                "webhookPort": entry.webhook_port,
                "to": list(entry.to),
            }
            for entry in advertised
        ],
    }
