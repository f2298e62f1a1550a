"""`meshfleet:index:GatewayAddress`: the load balancer address of a gateway."""

from __future__ import annotations

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class GatewayAddress(NativeResource):
    """A unique address, or a host name, written into the status of the gateway's Service.

    `address` or `hostname` request a specific one. `port` is a port that the Service must have, by default the one for
    cross-network traffic; `state` is `published`, or names what is missing.
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
        address: pulumi.Input[str] | None = None,
        hostname: pulumi.Input[str] | None = None,
        port: pulumi.Input[int] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "fleet": fleet,
            "cluster": cluster,
            "kubeconfig": pulumi.Output.secret(kubeconfig),
            "context": context,
            "namespace": namespace,
            "service": service,
            "address": address,
            "hostname": hostname,
            "port": port,
        }
        super().__init__(resource_name, inputs, opts)
