"""The base of resources that need no more than the way to a cluster."""

from __future__ import annotations

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class ClusterResource(NativeResource):
    """A resource of one cluster, which the secret `kubeconfig` leads to; without `context` by its current one."""

    def __init__(
        self,
        resource_name: str,
        *,
        cluster: pulumi.Input[str],
        kubeconfig: pulumi.Input[str],
        context: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"cluster": cluster, "kubeconfig": pulumi.Output.secret(kubeconfig), "context": context}
        super().__init__(resource_name, inputs, opts)
