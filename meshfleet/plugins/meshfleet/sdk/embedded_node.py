"""`meshfleet:index:EmbeddedNode`: a node of an embedded cluster whose pods run as processes, where that can be."""

from __future__ import annotations

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class EmbeddedNode(NativeResource):
    """Its pods are `processes` in network namespaces, or `simulated` where this machine does not let them be.

    `state` is `running`, `stopped`, or `simulated: …` with the reason.
    """

    state: pulumi.Output[str]
    pods: pulumi.Output[str]

    outputs = ("state", "pods")

    def __init__(
        self,
        resource_name: str,
        *,
        fleet: pulumi.Input[str],
        cluster: pulumi.Input[str],
        network: pulumi.Input[str],
        kubeconfig: pulumi.Input[str],
        context: pulumi.Input[str] | None = None,
        pod_cidr: pulumi.Input[str] | None = None,
        region: pulumi.Input[str] | None = None,
        zone: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "fleet": fleet,
            "cluster": cluster,
            "network": network,
            "kubeconfig": pulumi.Output.secret(kubeconfig),
            "context": context,
            "pod_cidr": pod_cidr,
            "region": region,
            "zone": zone,
        }
        super().__init__(resource_name, inputs, opts)
