"""Discovery across clusters: a reader token in each cluster, and in each control plane one Secret with its peers.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#enable-endpoint-discovery
"""

from __future__ import annotations

import base64

import pulumi

from meshfleet.components.account_credentials import token_and_authority
from meshfleet.components.component import Component
from meshfleet.components.kubernetes_object import data_of
from meshfleet.components.registration import Registration
from meshfleet.manifests import names
from meshfleet.manifests import remote_secrets as manifests
from meshfleet.manifests.section import Point
from meshfleet.plugins.meshfleet.remote_clusters import DOUBTFUL
from meshfleet.plugins.meshfleet.sdk import RemoteClusters
from meshfleet.topology import Discovery


def kubeconfig_of(
    cluster: str, discovery: Discovery, server: str, data: dict[str, str], primary: str | None = None
) -> str:
    """The kubeconfig that lets a peer read `cluster`, from the `data` of its reader's token Secret.

    `server` is where the stack itself reaches the API server; what `discovery` says comes in its place. Raises
    ClusterError for a Secret that is not one of a token.
    """
    token, text = token_and_authority(cluster, "its reader", discovery, data)
    authority = base64.b64encode(text.encode()).decode()
    address, name = discovery.server or server, discovery.tls_server_name
    return manifests.remote_kubeconfig(manifests.Peer(cluster, address, authority, token, name, primary))


def _warn(state: str | None, resource: pulumi.Resource) -> None:
    # Its istiod runs elsewhere, where it may be otherwise; from here nothing more can be known.
    if state and state.startswith(DOUBTFUL):
        pulumi.log.warn(f"tried from this machine, {state.removeprefix(DOUBTFUL)}", resource)


class Reader(Component):
    """The token with which peers read this cluster; it lasts until the Secret is deleted.

    A new generation is a Secret of another name under the same logical name: a replacement, which the engine makes
    before it deletes what it replaces, with the peers' remote secrets in between. Under a logical name of its own
    the old Secret would go even if the new one could not be made.
    """

    def __init__(self, registration: Registration, cluster: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(cluster, opts)
        fleet, access = registration.fleet, registration.access[cluster]
        discovery = fleet.clusters[cluster].discovery
        primary = None if fleet.is_primary(cluster) else fleet.primary_of(cluster)
        made = registration.register(self, cluster, manifests.READER_TOKENS)
        kubeconfig: pulumi.Output[str] = pulumi.Output.secret(
            pulumi.Output.all(access.server, data_of(made[names.READER_TOKEN])).apply(
                lambda known: kubeconfig_of(cluster, discovery, known[0], known[1], primary)
            )
        )
        registration.known.reader_kubeconfigs[cluster] = kubeconfig
        self.done()


class RemoteSecrets(Component):
    """All clusters that one control plane reads, in one Secret."""

    def __init__(self, registration: Registration, cluster: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(cluster, opts)
        fleet, access = registration.fleet, registration.access[cluster]
        peers = fleet.reads(cluster)
        read = RemoteClusters(
            f"{cluster}/remote-clusters",
            cluster=cluster,
            kubeconfigs=registration.known.kubeconfigs_of(peers),
            explicit_servers=[name for name in peers if fleet.clusters[name].discovery.server],
            local_istiod=fleet.clusters[fleet.hosting(cluster)].capabilities.istiod_runtime == "process",
            opts=self.child(deleted_with=access.goes_with),
        )
        read.state.apply(lambda state: _warn(state, read))
        registration.reached(cluster, Point.PEERS_READ, [read])
        registration.register(self, cluster, manifests.SECTION)
        self.done()
