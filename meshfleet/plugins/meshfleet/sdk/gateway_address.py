"""`meshfleet:index:GatewayAddress`: the address of a gateway, where no load balancer assigns one."""

from __future__ import annotations

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class GatewayAddress(NativeResource):
    """A unique address, or a host name, written into the status of the gateway's Service.

    `address` or `hostname` request a specific one. `port` is a port that the Service must have, by default the one for
    cross-network traffic; `state` is `published`, or names what is missing. With `node_port` the Service is of type
    NodePort: `address` is the external IP of a node, which a simulated one is `given`, or the cluster's own is `found`
    to have, and `ports` the node ports by the port of the Service. `advertised` are addresses, by commas, that the
    home gives to no other gateway.
    """

    address: pulumi.Output[str]
    port: pulumi.Output[int]
    ports: pulumi.Output[dict[str, int]]
    state: pulumi.Output[str]

    outputs = ("address", "port", "ports", "state")

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
        node_port: pulumi.Input[str] | None = None,
        advertised: pulumi.Input[str] | None = None,
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
            "nodePort": node_port,
            "advertised": advertised,
        }
        super().__init__(resource_name, inputs, opts)
