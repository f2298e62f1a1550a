"""Registers any Kubernetes object that `meshfleet/manifests/` returns, whatever its kind."""

from __future__ import annotations

from typing import Any

import pulumi

from meshfleet.components.call_stack import without_call_stack
from meshfleet.manifests import Object


def type_token(api_version: str, kind: str) -> str:
    """The Pulumi type of a Kubernetes kind, as in `kubernetes:core/v1:Secret`."""
    group_version = api_version if "/" in api_version else f"core/{api_version}"
    return f"kubernetes:{group_version}:{kind}"


class KubernetesObject(pulumi.CustomResource):
    """A Kubernetes object by its manifest, through the ordinary Kubernetes provider.

    The same as `pulumi_kubernetes.core.v1.Secret` and its 600 siblings, which are not used because importing one
    of them imports all: it doubled the start of every run.
    """

    def __init__(self, name: str, manifest: Object, opts: pulumi.ResourceOptions) -> None:
        token = type_token(manifest["apiVersion"], manifest["kind"])
        with without_call_stack():
            super().__init__(token, name, {"data": None, "status": None, **manifest}, opts)


def data_of(secret: pulumi.Resource) -> pulumi.Output[dict[str, str]]:
    """What the cluster holds under `data`: for a token Secret what its controller put there."""
    return pulumi.get(secret, "data")  # type: ignore[no-any-return]


class ExistingKubernetesObject(pulumi.CustomResource):
    """An object that something else made, read and never changed."""

    def __init__(
        self, name: str, api_version: str, kind: str, identifier: pulumi.Input[str], opts: pulumi.ResourceOptions
    ) -> None:
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=identifier))
        with without_call_stack():
            super().__init__(
                type_token(api_version, kind), name, {"status": None, "metadata": None, "spec": None}, opts
            )

    @property
    def status(self) -> pulumi.Output[dict[str, Any]]:
        """What the cluster reports of the object."""
        return pulumi.get(self, "status")  # type: ignore[no-any-return]

    @property
    def spec(self) -> pulumi.Output[dict[str, Any]]:
        """What is declared of the object."""
        return pulumi.get(self, "spec")  # type: ignore[no-any-return]
