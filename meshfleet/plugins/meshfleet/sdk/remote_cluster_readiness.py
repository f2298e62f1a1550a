"""`meshfleet:index:RemoteClusterReadiness`: waits until the istiod of a remote cluster's primary manages it."""

from __future__ import annotations

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class RemoteClusterReadiness(NativeResource):
    """Created once the istiod of `primary` has patched the injection webhook and written the root certificate.

    `state` is `ready`, or names what is missing.
    """

    state: pulumi.Output[str]

    outputs = ("state",)

    def __init__(
        self,
        resource_name: str,
        *,
        cluster: pulumi.Input[str],
        primary: pulumi.Input[str],
        namespace: pulumi.Input[str],
        webhook: pulumi.Input[str],
        kubeconfig: pulumi.Input[str],
        context: pulumi.Input[str] | None = None,
        debug_url: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "cluster": cluster,
            "primary": primary,
            "namespace": namespace,
            "webhook": webhook,
            "kubeconfig": pulumi.Output.secret(kubeconfig),
            "context": context,
            "debug_url": debug_url,
        }
        super().__init__(resource_name, inputs, opts)
