"""A control plane of Karmada that the stack installs: its certificates, the wait for it, what its chart leaves."""

from __future__ import annotations

import pulumi

from meshfleet.plugins.meshfleet.sdk.cluster_resource import ClusterResource
from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class KarmadaCertificateAuthority(NativeResource):
    """All certificates of a control plane of Karmada, below a root; texts are PEM.

    `certificate` is that of its servers and of their clients, `client_certificate` that of an administrator.
    """

    authority_certificate: pulumi.Output[str]
    authority_key: pulumi.Output[str]
    certificate: pulumi.Output[str]
    private_key: pulumi.Output[str]
    client_certificate: pulumi.Output[str]
    client_key: pulumi.Output[str]
    front_proxy_authority_certificate: pulumi.Output[str]
    front_proxy_authority_key: pulumi.Output[str]
    front_proxy_certificate: pulumi.Output[str]
    front_proxy_key: pulumi.Output[str]
    not_after: pulumi.Output[str]
    fingerprint: pulumi.Output[str]
    state: pulumi.Output[str]

    secret_outputs = (
        "authority_key",
        "private_key",
        "client_key",
        "front_proxy_authority_key",
        "front_proxy_key",
    )
    outputs = (
        *secret_outputs,
        "authority_certificate",
        "certificate",
        "client_certificate",
        "front_proxy_authority_certificate",
        "front_proxy_certificate",
        "not_after",
        "fingerprint",
        "state",
    )

    def __init__(
        self,
        resource_name: str,
        *,
        root_certificate: pulumi.Input[str],
        root_private_key: pulumi.Input[str],
        cluster: pulumi.Input[str],
        namespace: pulumi.Input[str],
        algorithm: pulumi.Input[str],
        validity_days: pulumi.Input[int],
        renew_before_days: pulumi.Input[int],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "root_certificate": root_certificate,
            "root_private_key": pulumi.Output.secret(root_private_key),
            "cluster": cluster,
            "namespace": namespace,
            "algorithm": algorithm,
            "validity_days": validity_days,
            "renew_before_days": renew_before_days,
        }
        super().__init__(resource_name, inputs, opts)


class KarmadaServer(ClusterResource):
    """Created once the API server of Karmada serves clusters. `state` is `ready`, or names what is missing."""

    state: pulumi.Output[str]

    outputs = ("state",)


class KarmadaHooksCleanup(ClusterResource):
    """Removes what hooks of Karmada's chart leave, when it is deleted. The release must depend on it."""

    outputs = ()
