"""`meshfleet:index:KarmadaClusters`: waits until Karmada finds clusters ready, and knows kinds of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class KarmadaClusters(NativeResource):
    """Created once Karmada finds each cluster of `kinds` ready and knows its kinds, such as `apps/v1/Deployment`.

    `cluster` is the host. `state` is `ready`, or names what is missing.
    """

    state: pulumi.Output[str]

    outputs = ("state",)

    def __init__(
        self,
        resource_name: str,
        *,
        cluster: pulumi.Input[str],
        kinds: Mapping[str, Sequence[str]],
        kubeconfig: pulumi.Input[str],
        context: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "cluster": cluster,
            "kinds": {name: list(those) for name, those in kinds.items()},
            "kubeconfig": pulumi.Output.secret(kubeconfig),
            "context": context,
        }
        super().__init__(resource_name, inputs, opts)
