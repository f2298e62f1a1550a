"""`meshfleet:index:ReleaseObjects`: the objects of a Helm release, each compared with what its chart rendered."""

from __future__ import annotations

from typing import Any

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class ReleaseObjects(NativeResource):
    """Restores objects that a refresh found missing or changed; it must depend on its release.

    Output `drift` maps each object that is not as rendered to `missing` or its fields; empty after every update.
    """

    drift: pulumi.Output[dict[str, Any]]

    outputs = ("drift",)

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
