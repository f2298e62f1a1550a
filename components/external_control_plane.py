"""A control plane that one cluster hosts for another, its config cluster.

The config cluster holds Istio's configuration, its webhooks and an account for istiod; the host runs istiod under
that account and opens its gateway for it.
Source: https://istio.io/latest/docs/setup/install/external-controlplane/
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.control_plane import ControlPlaneResources
from meshfleet.components.helm_release import helm_release
from meshfleet.components.istio_charts import istio_charts
from meshfleet.components.istiod_process import process_address, start_process, webhooks_at
from meshfleet.components.kubernetes_object import KubernetesObject
from meshfleet.components.remote_secrets import kubeconfig_of
from meshfleet.components.trust import TrustResources
from meshfleet.manifests import control_plane as manifests
from meshfleet.manifests import external
from meshfleet.plugins.meshfleet.sdk import RemoteClusters
from meshfleet.topology import Fleet


def kubeconfig_data(kubeconfig: str) -> dict[str, str]:
    """The `data` of the Secret that istiod mounts."""
    return {external.KUBECONFIG_KEY: base64.b64encode(kubeconfig.encode()).decode()}


class ExternalControlPlane(Component):
    """Brings up the istiod of `config` in the cluster `host`, behind the gateway there, which `way` opens for it."""

    def __init__(
        self,
        fleet: Fleet,
        config: ClusterAccess,
        host: ClusterAccess,
        prepared: pulumi.Resource,
        trust: TrustResources,
        gateway_address: pulumi.Output[str],
        way: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(config.name, opts)
        cluster, istio = config.name, fleet.istio
        simulated = fleet.clusters[host.name].simulated
        addresses = {name: process_address(self, fleet, cluster, name) for name in istio.installed if simulated}
        webhooks = {name: webhooks_at(fleet, cluster, address) for name, address in addresses.items()}

        def inside(access: ClusterAccess, *after: pulumi.Resource) -> pulumi.ResourceOptions:
            return self.child(
                provider=access.provider, after=after, deleted_with=access.goes_with, secret_outputs=["data"]
            )

        charts = istio_charts(self, fleet, config, prepared, webhooks, address=gateway_address)
        kubeconfig = self._kubeconfig(fleet, config, inside(config, charts.istiods[istio.revision]))
        data: pulumi.Output[Any] = pulumi.Output.secret(kubeconfig.apply(kubeconfig_data))
        # Nothing that cannot work takes the place of what does.
        tried = RemoteClusters(
            f"{cluster}/config-cluster",
            cluster=host.name,
            kubeconfigs={cluster: kubeconfig},
            explicit_servers=[cluster] if fleet.clusters[cluster].discovery.server else [],
            local_istiod=simulated,
            opts=self.child(deleted_with=host.goes_with),
        )
        secret = KubernetesObject(
            f"{host.name}/external-{cluster}-kubeconfig",
            fleet,
            external.istio_kubeconfig(fleet, cluster, data),
            inside(host, trust.cacerts, tried),
        )
        processes = {}
        istiods = {}
        for revision in istio.installed:
            istiods[revision] = helm_release(
                f"{host.name}/external-{cluster}-{manifests.istiod_service(revision)}",
                fleet,
                host,
                manifests.external_istiod(fleet, cluster, revision, trust.fingerprints),
                inside(host, trust.cacerts, secret, *way),
                revision=revision,
            )
            if revision in addresses:
                processes[revision] = start_process(
                    self,
                    fleet,
                    host,
                    revision,
                    addresses[revision],
                    trust,
                    # The config cluster's chart holds the mesh configuration and the injector's templates.
                    after=[istiods[revision], charts.istiods[revision]],
                    config_kubeconfig=kubeconfig,
                )
        # Where pods run it is the host's release that is done when istiod answers.
        self.resources = ControlPlaneResources(
            charts.base, charts.istiods, addresses, processes, hosted=istiods, tags=charts.tags
        )
        self.done()

    def _kubeconfig(self, fleet: Fleet, config: ClusterAccess, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
        """The kubeconfig of istiod's own account in the config cluster; secret."""
        discovery = fleet.clusters[config.name].discovery
        token = KubernetesObject(f"{config.name}/istiod-token", fleet, external.account_token(fleet, config.name), opts)
        return pulumi.Output.secret(
            pulumi.Output.all(config.server, token.data).apply(
                lambda known: kubeconfig_of(config.name, discovery, known[0], known[1])
            )
        )
