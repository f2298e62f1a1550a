"""`meshfleet:index:Portal`: the API portal as a process beside the host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from meshfleet.plugins.meshfleet.sdk.resource import NativeResource


class Portal(NativeResource):
    """The portal of a fleet. `members` has `server`, `authority`, `serverName` and `token` of each cluster (secret),
    `subjects` whom it may impersonate there, `oidc` the providers. `state` is `running` or `stopped`.
    """

    url: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]
    state: pulumi.Output[str]

    outputs = ("url", "certificate_authority", "state")

    def __init__(
        self,
        resource_name: str,
        *,
        fleet: pulumi.Input[str],
        cluster: pulumi.Input[str],
        addresses: pulumi.Input[Sequence[pulumi.Input[str]]],
        members: pulumi.Input[Mapping[str, Any]],
        subjects: pulumi.Input[Mapping[str, Any]],
        kubeconfig: pulumi.Input[str],
        port: pulumi.Input[int] = 0,
        host_accounts: pulumi.Input[bool] = True,
        oidc: pulumi.Input[Mapping[str, Any]] | None = None,
        client_authority: pulumi.Input[str] = "",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "fleet": fleet,
            "cluster": cluster,
            "addresses": addresses,
            "port": port,
            "members": pulumi.Output.secret(members),
            "subjects": subjects,
            "host_accounts": host_accounts,
            "oidc": oidc or {},
            "client_authority": client_authority,
            "kubeconfig": pulumi.Output.secret(kubeconfig),
        }
        super().__init__(resource_name, inputs, opts)
