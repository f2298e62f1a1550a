"""`meshfleet:index:IstiodAddress` and `meshfleet:index:Istiod`: istiod as a process beside a cluster."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class IstiodAddress(NativeResource):
    """The ports of an istiod, kept for it before it exists, since the charts' webhooks name them."""

    host: pulumi.Output[str]
    http_port: pulumi.Output[int]
    monitoring_port: pulumi.Output[int]
    grpc_port: pulumi.Output[int]
    secure_grpc_port: pulumi.Output[int]
    https_port: pulumi.Output[int]
    debug_url: pulumi.Output[str]
    webhook_url: pulumi.Output[str]

    outputs = (
        "host",
        "http_port",
        "monitoring_port",
        "grpc_port",
        "secure_grpc_port",
        "https_port",
        "debug_url",
        "webhook_url",
    )

    def __init__(
        self,
        resource_name: str,
        *,
        fleet: pulumi.Input[str],
        cluster: pulumi.Input[str],
        revision: pulumi.Input[str] = "default",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, {"fleet": fleet, "cluster": cluster, "revision": revision}, opts)


class Istiod(NativeResource):
    """An istiod process; any change but another intermediate restarts it on the same ports. `state` is `running` or
    `stopped`.

    `address` holds the five ports of an `IstiodAddress` (`httpPort`, …), `certificate_authority` the PEM
    texts `caCertificate`, `caKey`, `certificateChain` and `rootCertificate`, `settings` further environment
    variables. `config_kubeconfig` leads to the cluster that an external istiod serves. `release` is that of Istio, as
    in `1.30`; the toolchain's standard one when left out.
    """

    debug_url: pulumi.Output[str]
    version: pulumi.Output[str]
    state: pulumi.Output[str]

    outputs = ("debug_url", "version", "state")

    def __init__(
        self,
        resource_name: str,
        *,
        fleet: pulumi.Input[str],
        cluster: pulumi.Input[str],
        network: pulumi.Input[str],
        mesh_id: pulumi.Input[str],
        trust_domain: pulumi.Input[str],
        kubeconfig: pulumi.Input[str],
        address: pulumi.Input[Mapping[str, pulumi.Input[int]]],
        certificate_authority: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        revision: pulumi.Input[str] = "default",
        namespace: pulumi.Input[str] = "istio-system",
        context: pulumi.Input[str] | None = None,
        settings: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        config_kubeconfig: pulumi.Input[str] | None = None,
        release: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "fleet": fleet,
            "cluster": cluster,
            "revision": revision,
            "network": network,
            "namespace": namespace,
            "mesh_id": mesh_id,
            "trust_domain": trust_domain,
            "kubeconfig": pulumi.Output.secret(kubeconfig),
            "context": context,
            "address": address,
            "certificate_authority": pulumi.Output.secret(certificate_authority),
            "settings": settings,
            "config_kubeconfig": None if config_kubeconfig is None else pulumi.Output.secret(config_kubeconfig),
            "release": release,
        }
        super().__init__(resource_name, inputs, opts)
