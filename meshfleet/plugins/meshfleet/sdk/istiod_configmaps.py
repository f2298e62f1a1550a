"""`meshfleet:index:IstiodConfigMaps`: what istiods write into every namespace of a cluster that outlives the stack."""

from __future__ import annotations

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class IstiodConfigMaps(NativeResource):
    """Removes them when it is deleted; what lets an istiod write there is to depend on it, and so to go before it."""

    outputs = ()

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
