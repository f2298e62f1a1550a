"""The control plane of Karmada that a stack installs: its certificates, the release, and the way to its API server.

Source: https://karmada.io/docs/installation/install-karmada-by-helm/
"""

from __future__ import annotations

import json

import pulumi

from meshfleet.components.component import Component
from meshfleet.components.gateway_address import GatewayService, reached
from meshfleet.components.karmada import KarmadaAccess
from meshfleet.components.registration import Registration
from meshfleet.components.trust import MeshTrust
from meshfleet.errors import ClusterError
from meshfleet.errors.faults import Fault, TopologyError
from meshfleet.manifests import karmada_control_plane as manifests
from meshfleet.manifests.objects import encoded
from meshfleet.manifests.section import Point
from meshfleet.plugins.meshfleet.sdk import (
    KarmadaCertificateAuthority,
    KarmadaHooksCleanup,
    KarmadaServer,
    RootCertificateAuthority,
)
from meshfleet.topology.addresses import is_ip
from meshfleet.topology.federation import KarmadaChart
from meshfleet.topology.gateways import LoadBalanced
from meshfleet.topology.owned_karmada import RELEASE


def server_of(chart: KarmadaChart, address: str, port: int) -> str:
    """The URL of Karmada's API server at the address of its Service, or at the declared one.

    Raises ClusterError while the Service has no address.
    """
    host = chart.address or address
    if not host:
        raise ClusterError(
            f"the Service {manifests.SERVICE} of {chart.namespace} has no address; see whether the host has a load "
            "balancer, or write type: NodePort in federation.karmada.chart"
        )
    return f"https://{f'[{host}]' if is_ip(host) and ':' in host else host}:{port}"


def signing_root(mesh: MeshTrust, name: str) -> RootCertificateAuthority:
    """The root that signs, or while that one is not the stack's the other one.

    Raises TopologyError where the stack has the key of neither.
    """
    own = [root for root in (mesh.signing, *mesh.roots.values()) if isinstance(root, RootCertificateAuthority)]
    if not own:
        message = f"the stack has the key of no root of the mesh {name}; give kubeconfig"
        raise TopologyError([Fault("federation.karmada.chart", message)])
    return own[0]


class KarmadaControlPlane(Component):
    """The release on the host. `access` leads to its API server, at the URL `server`."""

    def __init__(self, registration: Registration, mesh: MeshTrust, opts: pulumi.ResourceOptions) -> None:
        fleet = registration.fleet
        super().__init__(fleet.host, opts)
        chart = manifests.chart_of(fleet)
        assert chart is not None  # the caller has looked
        host = registration.access[fleet.host]
        self.certificates = self._certificates(registration, mesh, chart)
        own = self.certificates
        registration.known.karmada_chart = (
            {
                "caCrt": own.authority_certificate,
                "caKey": own.authority_key,
                "crt": own.certificate,
                "key": own.private_key,
                "frontProxyCaCrt": own.front_proxy_authority_certificate,
                "frontProxyCrt": own.front_proxy_certificate,
                "frontProxyKey": own.front_proxy_key,
            },
            own.fingerprint,
        )
        cleanup = KarmadaHooksCleanup(
            f"{fleet.host}/karmada-hooks-cleanup",
            cluster=fleet.host,
            kubeconfig=host.kubeconfig,
            context=host.context or None,
            opts=self.child(after=list(host.nodes), deleted_with=host.goes_with),
        )
        registration.reached(fleet.host, Point.KARMADA_PREPARED, [cleanup])
        release = registration.register(self, fleet.host, manifests.SECTION)[RELEASE]
        service = GatewayService(
            resource=(f"{fleet.host}/karmada-address", f"{fleet.host}/karmada-service"),
            namespace=chart.namespace,
            name=manifests.SERVICE,
            made=release,
            declared=LoadBalanced(type=chart.type),
            port=manifests.PORT,
        )
        found = reached(self, fleet, host, service)
        self.server: pulumi.Output[str] = pulumi.Output.all(found.address, found.port(manifests.PORT)).apply(
            lambda known: server_of(chart, str(known[0] or ""), int(known[1]))
        )
        kubeconfig = self._kubeconfig(chart)
        ready = KarmadaServer(
            f"{fleet.host}/karmada-ready",
            cluster=fleet.host,
            kubeconfig=kubeconfig,
            context=manifests.CONTEXT,
            # Another release may be one of other certificates, with the same kubeconfig.
            opts=self.child(after=[release]),
        )
        self.access = KarmadaAccess(kubeconfig, manifests.CONTEXT, [ready])
        self.done({"server": self.server, "notAfter": own.not_after})

    def _certificates(
        self, registration: Registration, mesh: MeshTrust, chart: KarmadaChart
    ) -> KarmadaCertificateAuthority:
        fleet = registration.fleet
        name = fleet.mesh_of(fleet.host)
        trust, root = fleet.meshes[name].trust, signing_root(mesh, name)
        return KarmadaCertificateAuthority(
            f"{fleet.host}/karmada-certificates",
            root_certificate=root.certificate,
            root_private_key=root.private_key,
            cluster=fleet.host,
            namespace=chart.namespace,
            algorithm=trust.algorithm,
            validity_days=trust.intermediate.validity_days,
            renew_before_days=trust.intermediate.renew_before_days,
            opts=self.child(),
        )

    def _kubeconfig(self, chart: KarmadaChart) -> pulumi.Output[str]:
        own = self.certificates
        parts = pulumi.Output.all(own.authority_certificate, own.client_certificate, own.client_key)
        text = pulumi.Output.all(self.server, parts).apply(
            lambda known: json.dumps(manifests.kubeconfig(chart, known[0], *map(encoded, known[1])), sort_keys=True)
        )
        secret: pulumi.Output[str] = pulumi.Output.secret(text)
        return secret
