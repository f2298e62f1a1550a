"""`meshfleet:index:RemoteClusters`: the remote clusters of one control plane, each read once with its kubeconfig."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class RemoteClusters(NativeResource):
    """Created once every kubeconfig that is new or changed has been used to read its cluster.

    `cluster` is the one whose istiod uses them. `explicit_servers` are the clusters with a server address in the stack
    file: an address that cannot be reached is an error there, while other clusters may just be down. Without
    `local_istiod`, istiod does not run on this machine, and nothing fails: `state` begins with `doubtful` for errors
    that do not depend on the machine.
    """

    state: pulumi.Output[str]

    outputs = ("state",)

    def __init__(
        self,
        resource_name: str,
        *,
        cluster: pulumi.Input[str],
        kubeconfigs: pulumi.Input[dict[str, pulumi.Input[str]]] | pulumi.Output[dict[str, str]],
        explicit_servers: Sequence[str] = (),
        local_istiod: bool = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs: dict[str, Any] = {
            "cluster": cluster,
            "kubeconfigs": pulumi.Output.secret(kubeconfigs),
            "explicit_servers": list(explicit_servers),
            "local_istiod": local_istiod,
        }
        super().__init__(resource_name, inputs, opts)
