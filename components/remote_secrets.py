"""Discovery across clusters: a reader token in each cluster, and in each control plane one Secret with its peers.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#enable-endpoint-discovery
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pulumi

from meshfleet.components.certificate_authorities import authority_of
from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.kubernetes_object import KubernetesObject
from meshfleet.errors import ClusterError
from meshfleet.manifests import gateway_api
from meshfleet.manifests import remote_secrets as manifests
from meshfleet.plugins.meshfleet.remote_clusters import DOUBTFUL
from meshfleet.plugins.meshfleet.sdk import RemoteClusters
from meshfleet.topology import Discovery, Fleet


def kubeconfig_of(
    cluster: str, discovery: Discovery, server: str, data: dict[str, str], primary: str | None = None
) -> str:
    """The kubeconfig that lets a peer read `cluster`, from the `data` of its reader's token Secret.

    `server` is where the stack itself reaches the API server; what `discovery` says comes in its place. Raises
    ClusterError for a Secret that is not one of a token.
    """
    given = authority_of(cluster, discovery)
    try:
        token = base64.b64decode(data["token"]).decode()
        authority = base64.b64encode(given.encode()).decode() if given else data["ca.crt"]
    except (KeyError, TypeError, ValueError) as error:
        raise ClusterError(
            f"{cluster}: the token Secret of its reader has no usable token and ca.crt ({type(error).__name__}); "
            "delete that Secret, and run meshfleet up --refresh, which creates it again"
        ) from None
    address, name = discovery.server or server, discovery.tls_server_name
    return manifests.remote_kubeconfig(manifests.Peer(cluster, address, authority, token, name, primary))


def _warn(state: str | None, resource: pulumi.Resource) -> None:
    # Its istiod runs elsewhere, where it may be otherwise; from here nothing more can be known.
    if state and state.startswith(DOUBTFUL):
        pulumi.log.warn(f"tried from this machine, {state.removeprefix(DOUBTFUL)}", resource)


class Reader(Component):
    """The token with which peers read this cluster; it lasts until the Secret is deleted.

    `charts` are base, which has the ServiceAccount, and istiod's, which has what it may read.

    A new generation is a Secret of another name under the same logical name: a replacement, which the engine makes
    before it deletes what it replaces, with the peers' remote secrets in between. Under a logical name of its own
    the old Secret would go even if the new one could not be made.
    """

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        charts: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        discovery = fleet.clusters[access.name].discovery
        primary = None if fleet.is_primary(access.name) else fleet.primary_of(access.name)
        secret = KubernetesObject(
            f"{access.name}/reader-token",
            fleet,
            manifests.reader_token(fleet, access.name),
            self.child(
                provider=access.provider,
                after=charts,
                deleted_with=access.goes_with,
                secret_outputs=["data"],
            ),
        )
        for name, manifest in gateway_api.reading(fleet, access.name).items():
            KubernetesObject(
                f"{access.name}/{name}",
                fleet,
                manifest,
                self.child(provider=access.provider, after=charts, deleted_with=access.goes_with),
            )
        self.kubeconfig: pulumi.Output[str] = pulumi.Output.secret(
            pulumi.Output.all(access.server, secret.data).apply(
                lambda known: kubeconfig_of(access.name, discovery, known[0], known[1], primary)
            )
        )
        self.done()


class RemoteSecrets(Component):
    """All peers of one control plane in one Secret."""

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        namespace: pulumi.Resource,
        peers: Sequence[tuple[str, Reader]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        kubeconfigs = pulumi.Output.all(**{name: reader.kubeconfig for name, reader in peers})
        data: pulumi.Output[Any] = pulumi.Output.secret(kubeconfigs.apply(manifests.encoded_data))
        # Nothing that cannot work takes the place of what does.
        tried = RemoteClusters(
            f"{access.name}/remote-clusters",
            cluster=access.name,
            kubeconfigs=kubeconfigs,
            explicit_servers=[name for name, _ in peers if fleet.clusters[name].discovery.server],
            local_istiod=fleet.clusters[fleet.hosting(access.name)].simulated,
            opts=self.child(deleted_with=access.goes_with),
        )
        tried.state.apply(lambda state: _warn(state, tried))
        self.secret = KubernetesObject(
            f"{access.name}/remote-secrets",
            fleet,
            manifests.remote_secrets(fleet, access.name, data),
            self.child(
                provider=access.provider,
                after=[namespace, tried],
                deleted_with=access.goes_with,
                secret_outputs=["data"],
            ),
        )
        self.done()
