"""The cert-manager of a cluster that issues the intermediates of meshes, and all that it is to issue."""

from __future__ import annotations

import pulumi

from meshfleet.components.component import Component
from meshfleet.components.registration import Registration
from meshfleet.manifests import cert_manager as manifests
from meshfleet.manifests.section import Point
from meshfleet.plugins.meshfleet.sdk import CertManager


class CertificateIssuer(Component):
    """Its definitions come before the process that reads them, and both before what is to be issued."""

    def __init__(self, registration: Registration, cluster: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(cluster, opts)
        fleet, access = registration.fleet, registration.access[cluster]
        prepared = registration.register(self, cluster, manifests.DEFINITIONS)
        running = CertManager(
            f"{cluster}/cert-manager-ready",
            fleet=fleet.name,
            cluster=cluster,
            namespace=manifests.NAMESPACE,
            kubeconfig=access.kubeconfig,
            context=access.context or None,
            process=fleet.runs_cert_manager(cluster),
            # Its process does not go with the cluster.
            opts=self.child(after=list(prepared.values())),
        )
        registration.reached(cluster, Point.CERT_MANAGER, [running])
        registration.register(self, cluster, manifests.SECTION)
        self.done()
