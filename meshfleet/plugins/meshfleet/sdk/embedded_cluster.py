"""`meshfleet:index:EmbeddedCluster`: a Kubernetes control plane as processes on this machine."""

from __future__ import annotations

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class EmbeddedCluster(NativeResource):
    """Runs until it is destroyed, beyond the command that made it; `up` starts again what has died.

    `fleet` and `name` find it again. Another version or range makes another cluster; nodes, region and zone
    change in place. `state` is `running` or `stopped: …`; `identity` changes with every new cluster, so that
    a provider for it can tell (`cluster_identifier`).
    """

    kubeconfig: pulumi.Output[str]
    server: pulumi.Output[str]
    identity: pulumi.Output[str]
    state: pulumi.Output[str]
    name: pulumi.Output[str]

    outputs = ("kubeconfig", "server", "identity", "state")
    secret_outputs = ("kubeconfig",)

    def __init__(
        self,
        resource_name: str,
        *,
        fleet: pulumi.Input[str],
        name: pulumi.Input[str],
        kubernetes_version: pulumi.Input[str],
        nodes: pulumi.Input[int] = 1,
        pod_cidr: pulumi.Input[str] | None = None,
        service_cidr: pulumi.Input[str] | None = None,
        region: pulumi.Input[str] | None = None,
        zone: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "fleet": fleet,
            "name": name,
            "kubernetes_version": kubernetes_version,
            "nodes": nodes,
            "pod_cidr": pod_cidr,
            "service_cidr": service_cidr,
            "region": region,
            "zone": zone,
        }
        super().__init__(resource_name, inputs, opts)
