"""The API portal of a fleet: its account in each cluster, and the process beside the host that uses them.

Source: https://www.envoyproxy.io/docs/envoy/latest/start/sandboxes/
"""

from __future__ import annotations

from typing import Any

import pulumi

from meshfleet.components.account_credentials import token_and_authority
from meshfleet.components.component import Component
from meshfleet.components.kubernetes_object import data_of
from meshfleet.components.portal_files import client_authority, provider_files
from meshfleet.components.registration import Registration
from meshfleet.manifests import portal as manifests
from meshfleet.plugins.meshfleet.sdk import Portal
from meshfleet.topology import Discovery, Fleet


def member_of(cluster: str, discovery: Discovery, server: str, data: dict[str, str]) -> dict[str, str]:
    """How the portal reaches a cluster, from the `data` of its account's token Secret; secret.

    `server` is where the stack itself reaches the API server; what `discovery` says comes in its place. Raises
    ClusterError for a Secret that is not one of a token.
    """
    token, authority = token_and_authority(cluster, "the portal's account", discovery, data)
    return {
        "server": discovery.server or server,
        "authority": authority,
        "serverName": discovery.tls_server_name or "",
        "token": token,
    }


def providers(fleet: Fleet) -> dict[str, Any]:
    """The OIDC providers with the content of their files. Raises TopologyError as `provider_files` does."""
    declared = fleet.portal.oidc if fleet.portal else {}
    return {
        name: {
            "issuer": provider.issuer,
            "audiences": list(provider.audiences),
            "usernameClaim": provider.username_claim,
            "usernamePrefix": provider.username_prefix,
            "groupsClaim": provider.groups_claim,
            "groupsPrefix": provider.groups_prefix,
            "jwksUri": provider.jwks_uri or "",
            **provider_files(name, provider),
        }
        for name, provider in declared.items()
    }


def _member(
    cluster: str, discovery: Discovery, server: pulumi.Output[str], data: pulumi.Output[dict[str, str]]
) -> pulumi.Output[dict[str, str]]:
    return pulumi.Output.all(server, data).apply(lambda known: member_of(cluster, discovery, *known))


class ApiPortal(Component):
    """The process; it waits for its accounts and their rights, and for the user's objects of none."""

    def __init__(self, registration: Registration, opts: pulumi.ResourceOptions) -> None:
        fleet = registration.fleet
        super().__init__(fleet.host, opts)
        declared = fleet.portal
        assert declared is not None  # the caller has looked
        members: dict[str, pulumi.Output[dict[str, str]]] = {}
        subjects: dict[str, Any] = {}
        after: list[pulumi.Resource] = []
        for name, cluster in fleet.clusters.items():
            (token,) = registration.waits(name, (manifests.TOKEN,))
            members[name] = _member(name, cluster.discovery, registration.access[name].server, data_of(token))
            found = manifests.subjects(fleet, name)
            subjects[name] = {
                "users": {user: list(groups) for user, groups in found.users.items()},
                "groups": list(found.groups),
                "serviceAccounts": [{"namespace": place, "name": account} for place, account in found.service_accounts],
            }
            documents = manifests.documents(fleet, name, registration.known)
            after += registration.waits(name, [document.name for document in documents])
        self.process = Portal(
            f"{fleet.host}/portal",
            fleet=fleet.name,
            cluster=fleet.host,
            addresses=list(declared.addresses),
            port=declared.port or 0,
            members=members,
            subjects=subjects,
            host_accounts=declared.host_accounts,
            oidc=providers(fleet),
            client_authority=client_authority(fleet),
            kubeconfig=registration.access[fleet.host].kubeconfig,
            opts=self.child(after=after),
        )
        self.done({"url": self.process.url})
