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

from components.cluster import ClusterAccess
from components.component import Component
from components.control_plane import ControlPlaneResources
from components.helm_release import helm_release
from components.istiod_process import process_address, start_process, webhooks_at
from components.kubernetes_object import KubernetesObject
from components.remote_secrets import kubeconfig_of
from components.trust import TrustResources
from manifests import control_plane as manifests
from manifests import external
from topology import Fleet


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
        namespace: pulumi.Resource,
        trust: TrustResources,
        gateway_address: pulumi.Output[str],
        way: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(config.name, opts)
        cluster = config.name
        address = process_address(self, fleet, cluster) if fleet.clusters[host.name].simulated else None
        webhooks = webhooks_at(fleet, cluster, address) if address else None

        def inside(access: ClusterAccess, *after: pulumi.Resource) -> pulumi.ResourceOptions:
            return self.child(
                provider=access.provider, after=after, deleted_with=access.goes_with, secret_outputs=["data"]
            )

        base = helm_release(
            f"{cluster}/istio-base",
            fleet,
            cluster,
            manifests.base(fleet, cluster, webhooks),
            inside(config, namespace),
        )
        chart = helm_release(
            f"{cluster}/istiod",
            fleet,
            cluster,
            manifests.istiod(fleet, cluster, webhooks, gateway_address),
            inside(config, base),
        )
        token = KubernetesObject(
            f"{cluster}/istiod-token", external.account_token(fleet, cluster), inside(config, chart)
        )
        kubeconfig: pulumi.Output[str] = pulumi.Output.secret(
            pulumi.Output.all(config.server, token.data).apply(lambda known: kubeconfig_of(cluster, known[0], known[1]))
        )
        data: pulumi.Output[Any] = pulumi.Output.secret(kubeconfig.apply(kubeconfig_data))
        secret = KubernetesObject(
            f"{host.name}/external-{cluster}-kubeconfig",
            external.istio_kubeconfig(fleet, cluster, data),
            inside(host, trust.cacerts),
        )
        istiod = helm_release(
            f"{host.name}/external-{cluster}-istiod",
            fleet,
            host.name,
            manifests.external_istiod(fleet, cluster),
            inside(host, trust.cacerts, secret, *way),
        )
        process = (
            start_process(self, fleet, host, address, trust, after=istiod, config_kubeconfig=kubeconfig)
            if address
            else None
        )
        self.resources = ControlPlaneResources(base, istiod, address, process)
        self.debug_url: pulumi.Output[str] | None = process.debug_url if process else None
        self.done()
