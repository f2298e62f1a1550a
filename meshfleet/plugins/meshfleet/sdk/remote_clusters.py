"""`meshfleet:index:RemoteClusters`: the clusters that one control plane is to read, each tried with its kubeconfig."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class RemoteClusters(NativeResource):
    """Done when every kubeconfig that is new or changed has been used to read its cluster.

    `cluster` is the one whose istiod will use them. `addressed` are the clusters whose address peers are given by
    hand, so that one that does not answer is wrong and not just down. Where istiod does not run `here`, on this
    machine, nothing fails: `state` begins with `doubtful` for what cannot work from anywhere.
    """

    state: pulumi.Output[str]

    outputs = ("state",)

    def __init__(
        self,
        resource_name: str,
        *,
        cluster: pulumi.Input[str],
        kubeconfigs: pulumi.Input[dict[str, pulumi.Input[str]]] | pulumi.Output[dict[str, str]],
        addressed: Sequence[str] = (),
        here: bool = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs: dict[str, Any] = {
            "cluster": cluster,
            "kubeconfigs": pulumi.Output.secret(kubeconfigs),
            "addressed": list(addressed),
            "here": here,
        }
        super().__init__(resource_name, inputs, opts)
