"""cert-manager for a cluster, and what it has issued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class CertManager(NativeResource):
    """cert-manager for a cluster: as a process of the fleet beside it, or one that is there. `state` is `ready`."""

    state: pulumi.Output[str]

    outputs = ("state",)

    def __init__(
        self,
        resource_name: str,
        *,
        fleet: pulumi.Input[str],
        cluster: pulumi.Input[str],
        namespace: pulumi.Input[str],
        kubeconfig: pulumi.Input[str],
        context: pulumi.Input[str] | None = None,
        process: pulumi.Input[bool] = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "fleet": fleet,
            "cluster": cluster,
            "namespace": namespace,
            "kubeconfig": pulumi.Output.secret(kubeconfig),
            "context": context,
            "process": process,
        }
        super().__init__(resource_name, inputs, opts)


class CertManagerIntermediate(NativeResource):
    """The certificate authority of one cluster's istiod as cert-manager has issued it; texts are PEM.

    `request` is the `spec` of the Certificate `name`. With `keep` it stays as it is recorded.
    """

    certificate: pulumi.Output[str]
    private_key: pulumi.Output[str]
    certificate_chain: pulumi.Output[str]
    not_after: pulumi.Output[str]
    fingerprint: pulumi.Output[str]
    state: pulumi.Output[str]

    outputs = ("certificate", "private_key", "certificate_chain", "not_after", "fingerprint", "state")
    secret_outputs = ("private_key",)

    def __init__(
        self,
        resource_name: str,
        *,
        cluster: pulumi.Input[str],
        namespace: pulumi.Input[str],
        name: pulumi.Input[str],
        kubeconfig: pulumi.Input[str],
        root_certificate: pulumi.Input[str],
        request: pulumi.Input[Mapping[str, Any]],
        validity_days: pulumi.Input[int],
        renew_before_days: pulumi.Input[int],
        context: pulumi.Input[str] | None = None,
        keep: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "cluster": cluster,
            "namespace": namespace,
            "name": name,
            "kubeconfig": pulumi.Output.secret(kubeconfig),
            "context": context,
            "root_certificate": root_certificate,
            "request": request,
            "validity_days": validity_days,
            "renew_before_days": renew_before_days,
            "keep": keep or None,
        }
        super().__init__(resource_name, inputs, opts)
