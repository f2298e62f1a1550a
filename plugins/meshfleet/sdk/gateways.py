"""`meshfleet:index:EastWestGatewayAddress`: what a load balancer would give to an east-west gateway."""

from __future__ import annotations

import pulumi

from plugins.meshfleet.sdk.resource import NativeResource


class EastWestGatewayAddress(NativeResource):
    """An address of its own, written into the status of the gateway's Service.

    `port` is the Service's port for cross-network traffic; `state` is `published`, or says what is missing.
    """

    address: pulumi.Output[str]
    port: pulumi.Output[int]
    state: pulumi.Output[str]

    outputs = ("address", "port", "state")

    def __init__(
        self,
        resource_name: str,
        *,
        fleet: pulumi.Input[str],
        cluster: pulumi.Input[str],
        kubeconfig: pulumi.Input[str],
        namespace: pulumi.Input[str],
        service: pulumi.Input[str],
        context: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "fleet": fleet,
            "cluster": cluster,
            "kubeconfig": pulumi.Output.secret(kubeconfig),
            "context": context,
            "namespace": namespace,
            "service": service,
        }
        super().__init__(resource_name, inputs, opts)
