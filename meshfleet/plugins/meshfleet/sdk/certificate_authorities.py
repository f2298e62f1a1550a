"""The certificate authorities of a mesh: those that the plugin issues, and those that something else has issued."""

from __future__ import annotations

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class RootCertificateAuthority(NativeResource):
    """The root of a mesh. `algorithm` is `ecdsa-p256` or `rsa-4096`; `not_after` is RFC 3339, texts are
    PEM.
    """

    certificate: pulumi.Output[str]
    private_key: pulumi.Output[str]
    not_after: pulumi.Output[str]
    fingerprint: pulumi.Output[str]
    state: pulumi.Output[str]

    outputs = ("certificate", "private_key", "not_after", "fingerprint", "state")
    secret_outputs = ("private_key",)

    def __init__(
        self,
        resource_name: str,
        *,
        common_name: pulumi.Input[str],
        organization: pulumi.Input[str] | None = None,
        algorithm: pulumi.Input[str] | None = None,
        validity_days: pulumi.Input[int] | None = None,
        renew_before_days: pulumi.Input[int] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "common_name": common_name,
            "organization": organization,
            "algorithm": algorithm,
            "validity_days": validity_days,
            "renew_before_days": renew_before_days,
        }
        super().__init__(resource_name, inputs, opts)


class IntermediateCertificateAuthority(NativeResource):
    """The certificate authority of one cluster's istiod, issued by a root; texts are PEM."""

    certificate: pulumi.Output[str]
    private_key: pulumi.Output[str]
    certificate_chain: pulumi.Output[str]
    root_certificate: pulumi.Output[str]
    not_after: pulumi.Output[str]
    fingerprint: pulumi.Output[str]
    state: pulumi.Output[str]

    outputs = ("certificate", "private_key", "certificate_chain", "not_after", "fingerprint", "state")
    secret_outputs = ("private_key",)

    def __init__(
        self,
        resource_name: str,
        *,
        root_certificate: pulumi.Input[str],
        root_private_key: pulumi.Input[str],
        cluster: pulumi.Input[str],
        organization: pulumi.Input[str] | None = None,
        algorithm: pulumi.Input[str] | None = None,
        validity_days: pulumi.Input[int] | None = None,
        renew_before_days: pulumi.Input[int] | None = None,
        namespace: pulumi.Input[str] = "istio-system",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "root_certificate": root_certificate,
            "root_private_key": pulumi.Output.secret(root_private_key),
            "cluster": cluster,
            "organization": organization,
            "algorithm": algorithm,
            "validity_days": validity_days,
            "renew_before_days": renew_before_days,
            "namespace": namespace,
        }
        super().__init__(resource_name, inputs, opts)


class IssuedRoot(NativeResource):
    """A root that something else has issued, in PEM; it is kept in the state."""

    certificate: pulumi.Output[str]
    not_after: pulumi.Output[str]
    fingerprint: pulumi.Output[str]
    state: pulumi.Output[str]

    outputs = ("not_after", "fingerprint", "state")

    def __init__(
        self,
        resource_name: str,
        *,
        certificate: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(resource_name, {"certificate": certificate}, opts)


class IssuedIntermediate(NativeResource):
    """The certificate authority of one cluster's istiod that something else has issued; texts are PEM."""

    certificate: pulumi.Output[str]
    private_key: pulumi.Output[str]
    certificate_chain: pulumi.Output[str]
    not_after: pulumi.Output[str]
    fingerprint: pulumi.Output[str]
    state: pulumi.Output[str]

    outputs = ("not_after", "fingerprint", "state")

    def __init__(
        self,
        resource_name: str,
        *,
        certificate: pulumi.Input[str],
        private_key: pulumi.Input[str],
        certificate_chain: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "certificate": certificate,
            "private_key": pulumi.Output.secret(private_key),
            "certificate_chain": certificate_chain,
        }
        super().__init__(resource_name, inputs, opts)
