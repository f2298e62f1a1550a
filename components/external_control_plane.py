"""A control plane that one cluster runs for another, its config cluster.

The config cluster holds Istio's configuration, its webhooks and an account for istiod; the other one runs istiod under
that account and opens its gateway for it.
Source: https://istio.io/latest/docs/setup/install/external-controlplane/
"""

from __future__ import annotations

import pulumi

from meshfleet.components.component import Component
from meshfleet.components.control_plane import CHARTS, ControlPlaneResources
from meshfleet.components.istiod_process import process_addresses, start_process
from meshfleet.components.kubernetes_object import data_of
from meshfleet.components.registration import Registration
from meshfleet.components.remote_secrets import kubeconfig_of
from meshfleet.components.trust import TrustResources
from meshfleet.manifests import ambient, external, names
from meshfleet.manifests.section import Point
from meshfleet.plugins.meshfleet.sdk import RemoteClusters


class ExternalControlPlane(Component):
    """Brings up the istiod of `cluster` in the cluster that hosts it, behind the gateway there."""

    def __init__(
        self, registration: Registration, cluster: str, trust: TrustResources, opts: pulumi.ResourceOptions
    ) -> None:
        super().__init__(cluster, opts)
        fleet = registration.fleet
        host = registration.access[fleet.hosting(cluster)]
        addresses = process_addresses(self, registration, cluster)
        made = registration.register(self, cluster, *CHARTS)
        kubeconfig = self._kubeconfig(registration, cluster)
        registration.known.istiod_kubeconfigs[cluster] = kubeconfig
        read = RemoteClusters(
            f"{cluster}/config-cluster",
            cluster=host.name,
            kubeconfigs={cluster: kubeconfig},
            explicit_servers=[cluster] if fleet.clusters[cluster].discovery.server else [],
            local_istiod=fleet.clusters[host.name].capabilities.istiod_runtime == "process",
            opts=self.child(deleted_with=host.goes_with),
        )
        registration.reached(cluster, Point.CONFIG_CLUSTER_READ, [read])
        made |= registration.register(self, cluster, external.ISTIODS)
        istiods = {
            revision: made[names.hosted(cluster, names.istiod_service(revision))] for revision in fleet.istio.installed
        }
        processes = {
            revision: start_process(
                self,
                fleet,
                host,
                revision,
                address,
                trust,
                # The config cluster's chart holds the mesh configuration and the injector's templates.
                after=[istiods[revision], made[names.istiod_service(revision)]],
                config_kubeconfig=kubeconfig,
            )
            for revision, address in addresses.items()
        }
        # Where pods run, the release in the hosting cluster is done when istiod is ready.
        self.resources = ControlPlaneResources(list((processes or istiods).values()), processes)
        registration.reached(cluster, Point.ISTIOD_READY, self.resources.ready)
        registration.register(self, cluster, ambient.NODE_AGENTS)
        self.done()

    def _kubeconfig(self, registration: Registration, cluster: str) -> pulumi.Output[str]:
        """The kubeconfig of istiod's own account in the config cluster; secret."""
        access, discovery = registration.access[cluster], registration.fleet.clusters[cluster].discovery
        token = registration.register(self, cluster, external.ACCOUNT)[names.ISTIOD_TOKEN]
        return pulumi.Output.secret(
            pulumi.Output.all(access.server, data_of(token)).apply(
                lambda known: kubeconfig_of(cluster, discovery, known[0], known[1])
            )
        )
