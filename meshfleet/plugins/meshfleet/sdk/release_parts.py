"""`meshfleet:index:ReleaseParts`: the objects of a Helm release, each compared with what its chart rendered."""

from __future__ import annotations

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class ReleaseParts(NativeResource):
    """Restores what a refresh found missing or changed; it is to depend on its release.

    Output `differing`: what is not as rendered, `missing` or the fields, by object; empty after every update.
    """

    outputs = ("differing",)

    def __init__(
        self,
        resource_name: str,
        *,
        namespace: pulumi.Input[str],
        release: pulumi.Input[str],
        kubeconfig: pulumi.Input[str],
        context: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "namespace": namespace,
            "release": release,
            "kubeconfig": pulumi.Output.secret(kubeconfig),
            "context": context,
        }
        super().__init__(resource_name, inputs, opts)
