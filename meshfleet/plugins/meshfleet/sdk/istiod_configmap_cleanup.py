"""`meshfleet:index:IstiodConfigMapCleanup`: removes istiod's ConfigMaps from a cluster that outlives the stack."""

from __future__ import annotations

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class IstiodConfigMapCleanup(NativeResource):
    """Removes them when it is deleted. Charts that authorize an istiod must depend on it, to be deleted before it."""

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
