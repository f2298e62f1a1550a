"""`meshfleet:index:KindCluster`: a kind cluster, whose nodes are containers on this machine."""

from __future__ import annotations

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class KindCluster(NativeResource):
    """Runs until it is destroyed; `up` starts again nodes that do not run, and makes it again when they are gone.

    `fleet` and `name` find it again. Region, zone, network and `addresses`, the number of addresses of its node that
    gateways need, change in place, as do `later_images`, built ones that nodes hold though they may be made of an older
    node image; anything else makes another cluster. `gateway_addresses` are those addresses, and the server in
    `kubeconfig` is the node's address, which other clusters on the machine reach.
    """

    kubeconfig: pulumi.Output[str]
    server: pulumi.Output[str]
    gateway_addresses: pulumi.Output[list[str]]
    node_image: pulumi.Output[str]
    mark: pulumi.Output[str]
    state: pulumi.Output[str]
    name: pulumi.Output[str]

    outputs = ("kubeconfig", "server", "gateway_addresses", "node_image", "mark", "state")
    secret_outputs = ("kubeconfig",)

    def __init__(
        self,
        resource_name: str,
        *,
        fleet: pulumi.Input[str],
        name: pulumi.Input[str],
        network: pulumi.Input[str],
        kubernetes_version: pulumi.Input[str],
        nodes: pulumi.Input[int] = 1,
        images: pulumi.Input[str] = "built",
        image: pulumi.Input[str] | None = None,
        socket: pulumi.Input[str] | None = None,
        pod_cidr: pulumi.Input[str] | None = None,
        service_cidr: pulumi.Input[str] | None = None,
        region: pulumi.Input[str] | None = None,
        zone: pulumi.Input[str] | None = None,
        addresses: pulumi.Input[int] = 1,
        later_images: pulumi.Input[list[str]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "fleet": fleet,
            "name": name,
            "network": network,
            "kubernetes_version": kubernetes_version,
            "nodes": nodes,
            "images": images,
            "image": image,
            "socket": socket,
            "pod_cidr": pod_cidr,
            "service_cidr": service_cidr,
            "region": region,
            "zone": zone,
            "addresses": addresses,
            "later_images": later_images,
        }
        super().__init__(resource_name, inputs, opts)
