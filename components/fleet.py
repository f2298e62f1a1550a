"""The fleet: every cluster, every mesh, and the edges between them.

A cluster waits for another one only for what it needs: a control plane for the reader tokens of its peers; a remote
cluster, or one with an external control plane, for the address of the gateway in front of its istiod and, before its
first injection, for that istiod. There are no other edges between clusters.

What is registered for each cluster, by which name, and what it waits for is in the sections of `meshfleet/manifests/`.
Here are the components that have more than documents, in an order in which each finds what it needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from meshfleet.components.certificate_issuer import CertificateIssuer
from meshfleet.components.component import Component
from meshfleet.components.control_plane import ControlPlane, ControlPlaneResources
from meshfleet.components.description import Described, describe_cluster, describe_mesh
from meshfleet.components.east_west_gateway import EastWestGateway
from meshfleet.components.external_control_plane import ExternalControlPlane
from meshfleet.components.ingress_gateways import IngressGateways
from meshfleet.components.issued_trust import read_issued_trust, with_read_roots
from meshfleet.components.karmada import KarmadaAccess, KarmadaEngine
from meshfleet.components.karmada_chart import place_karmada_chart
from meshfleet.components.karmada_control_plane import KarmadaControlPlane
from meshfleet.components.kubeconfig_file import KARMADA, KubeconfigFile, kubeconfig_files
from meshfleet.components.outputs import Outputs
from meshfleet.components.portal import ApiPortal
from meshfleet.components.registration import Registration
from meshfleet.components.remote_control_plane import RemoteControlPlane
from meshfleet.components.remote_secrets import Reader, RemoteSecrets
from meshfleet.components.system_namespace import IstioSystem
from meshfleet.components.trust import MeshTrust, Trust, TrustResources
from meshfleet.federation.status_rows import eviction_rows, placed_rows
from meshfleet.manifests import (
    dns_endpoints,
    gateways,
    ingress_gateways,
    karmada_control_plane,
    karmada_members,
    karmada_propagations,
    namespaces,
)
from meshfleet.manifests import virtual_machines as machines
from meshfleet.providers.creation import create_cluster
from meshfleet.status import write_status
from meshfleet.topology import Fleet as Topology

_LATER: Final = (
    dns_endpoints.SECTION,
    karmada_control_plane.SECTION,
    karmada_members.ACCOUNTS,
    karmada_members.CLUSTERS,
    karmada_members.PEOPLE,
    karmada_propagations.DEFINITIONS,
    karmada_propagations.SECTION,
)
"""Sections that need something of every cluster."""


class Fleet(Component):
    """Registers everything a topology says.

    `kubeconfigs` has the content for each existing cluster, and for a Karmada that is there as `KARMADA`; without it
    the files are read that the topology names, and the chart of Karmada is brought where the engine finds it. Raises
    `TopologyError` for what cannot be used.
    """

    def __init__(
        self,
        topology: Topology,
        kubeconfigs: Mapping[str, KubeconfigFile] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        if kubeconfigs is None:
            kubeconfigs = kubeconfig_files(topology)
            place_karmada_chart(topology)
        issued = read_issued_trust(topology)
        topology = with_read_roots(topology, issued)
        super().__init__(topology.name, opts)
        self._topology = topology
        self._inside = pulumi.ResourceOptions(parent=self)
        self.meshes = {mesh: MeshTrust(topology, mesh, issued, self._inside) for mesh in topology.meshes}
        self.access = {
            name: create_cluster(topology, name, kubeconfigs.get(name), self._inside) for name in topology.clusters
        }
        known = Outputs(topology)
        known.root_fingerprints = {mesh: trust.fingerprints for mesh, trust in self.meshes.items()}
        known.root_certificates_of = {mesh: trust.bundle for mesh, trust in self.meshes.items()}
        known.node_addresses = {
            name: access.addresses for name, access in self.access.items() if access.addresses is not None
        }
        self._registration = Registration(topology, self.access, known, self._inside)
        self.trust: dict[str, TrustResources] = {}
        self.control_planes: dict[str, ControlPlaneResources] = {}
        self.gateways: dict[str, EastWestGateway] = {}
        self.ingress_gateways: dict[str, IngressGateways] = {}
        for name in topology.clusters:
            IstioSystem(self._registration, name, self._inside)
        known.root_authorities = {mesh: trust.authority for mesh, trust in self.meshes.items() if trust.authority}
        for name in topology.clusters:
            if topology.uses_cert_manager(name):
                CertificateIssuer(self._registration, name, self._inside)
        # In this order each finds what it needs of the ones before.
        for name in self._of_kind("own"):
            self._control_plane(name, ControlPlane)
        for name in self._of_kind("external"):
            host = topology.hosting(name)
            self._registration.group(namespaces.HOSTED, name, f"{host} for {name}")
            self._control_plane(name, ExternalControlPlane)
        remotes = {name: self._remote_control_plane(name) for name in self._of_kind("remote")}
        self._discovery()
        for name, remote in remotes.items():
            self.control_planes[name] = remote.register_readiness()
            self._gateway(name)
        # The Gateways of remote clusters are in namespaces of their primary.
        for name in sorted(topology.clusters, key=topology.is_primary, reverse=True):
            self._remaining(name)
        self.karmada: KarmadaControlPlane | None = None
        if topology.federation.engine == "karmada":
            KarmadaEngine(self._registration, self._karmada(kubeconfigs), self._inside)
        # Each may lead to gateways of every cluster.
        known.ingress_gateways = {name: found.reached for name, found in self.ingress_gateways.items()}
        for name in topology.clusters:
            self._registration.group(dns_endpoints.SECTION, name)
        self.portal = ApiPortal(self._registration, self._inside) if topology.portal else None
        self._registration.done()
        self.done()

    def _karmada(self, kubeconfigs: Mapping[str, KubeconfigFile]) -> KarmadaAccess:
        """A control plane of Karmada that is there, or that of a release."""
        declared = self._topology.federation.karmada
        if declared and declared.context:
            return KarmadaAccess(pulumi.Output.secret(kubeconfigs[KARMADA].content), declared.context)
        mesh = self.meshes[self._topology.mesh_of(self._topology.host)]
        self.karmada = KarmadaControlPlane(self._registration, mesh, self._inside)
        return self.karmada.access

    def _of_kind(self, kind: str) -> list[str]:
        return [name for name, cluster in self._topology.clusters.items() if cluster.control_plane.kind == kind]

    def _control_plane(self, name: str, kind: type[ControlPlane | ExternalControlPlane]) -> None:
        mesh = self.meshes[self._topology.mesh_of(name)]
        self.trust[name] = Trust(self._registration, name, mesh, self._inside).resources
        self.control_planes[name] = kind(self._registration, name, self.trust[name], self._inside).resources
        self._gateway(name)
        self._registration.group(gateways.RULES, name)

    def _remote_control_plane(self, name: str) -> RemoteControlPlane:
        istiods = self.control_planes[self._topology.primary_of(name)].processes
        return RemoteControlPlane(self._registration, name, istiods, self._inside)

    def _gateway(self, name: str) -> None:
        if self._topology.has_east_west_gateway(name):
            self.gateways[name] = EastWestGateway(self._registration, name, self._inside)

    def _discovery(self) -> None:
        """A reader in each cluster that a control plane elsewhere reads, and each control plane's remote secrets."""
        topology = self._topology
        for name in topology.clusters:
            if topology.readers_of(name):
                Reader(self._registration, name, self._inside)
        for name in topology.clusters:
            if topology.reads(name):
                RemoteSecrets(self._registration, name, self._inside)

    def _remaining(self, name: str) -> None:
        """Every section that nothing above registers: those of documents alone, and ingress gateways among them."""
        for section in self._registration.remaining(name):
            if section is ingress_gateways.SECTION and self._topology.clusters[name].ingress_gateways:
                self.ingress_gateways[name] = IngressGateways(self._registration, name, self._inside)
            elif section not in _LATER:
                self._registration.group(section, name)

    def describe(self) -> dict[str, Any]:
        """The status (meshfleet/status/), with outputs for what a run finds out; nothing in it is secret."""
        topology = self._topology
        if topology.reported is not None:
            return write_status(topology.reported)
        before = topology.evictions_before
        registered = Described(self.access, self.trust, self.control_planes, self.gateways, self.ingress_gateways)
        fields = {
            "stack": topology.name,
            "clusters": [describe_cluster(topology, name, registered) for name in topology.clusters],
            "meshes": [describe_mesh(topology, mesh, trust, registered) for mesh, trust in self.meshes.items()],
            "virtualMachines": machines.described(topology),
            "propagations": placed_rows(topology),
            "evictions": eviction_rows(topology.evictions),
            "evictionsBefore": None if before is None else eviction_rows(before),
            "portal": self._portal_status(),
        }
        return write_status(fields, pending=pulumi.Output)

    def _portal_status(self) -> dict[str, Any] | None:
        if self.portal is None:
            return None
        return self.describe_portal() | {"cluster": self._topology.host, "clusters": list(self._topology.clusters)}

    def describe_portal(self) -> dict[str, Any]:
        """Where the API portal is, and the certificate that its own is signed by; empty without one."""
        if self.portal is None:
            return {}
        process = self.portal.process
        return {"url": process.url, "certificateAuthority": process.certificate_authority, "state": process.state}

    def describe_karmada(self) -> dict[str, Any]:
        """Where the API server of Karmada is that the stack installs, and a kubeconfig for it, which is secret."""
        if self.karmada is None:
            return {}
        access = self.karmada.access
        return {"server": self.karmada.server, "kubeconfig": access.kubeconfig, "context": access.context}

    def kubeconfigs(self) -> pulumi.Output[dict[str, str]]:
        """The kubeconfig of every cluster by name; secret."""
        reported = self._topology.reported
        # A run of a part deploys no cluster: of one that is not there yet nothing would be known.
        names = self.access if reported is None else {cluster["name"] for cluster in reported["clusters"]}
        found = {name: access.kubeconfig for name, access in self.access.items() if name in names}
        return pulumi.Output.secret(pulumi.Output.all(**found))
