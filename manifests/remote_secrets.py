"""Remote secrets: how a control plane is let into the API servers of the other clusters of its mesh.

One Secret per control plane holds all its peers, so that objects grow with the number of clusters and not with its
square. The credential is a token of the reader ServiceAccount, made for this purpose; no user's credential is copied.
Source: https://istio.io/latest/docs/reference/commands/istioctl/#istioctl-create-remote-secret and
istio/istio pkg/kube/multicluster/secretcontroller.go
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from manifests.objects import ISTIO_SYSTEM, Object, encoded, metadata

READER = "istio-reader-service-account"
READER_TOKEN = f"{READER}-istio-remote-secret-token"
REMOTE_SECRETS = "istio-remote-secrets"


@dataclass(frozen=True)
class Peer:
    """How to reach a peer's API server: its URL, its CA certificate (base64 of PEM) and a reader token, a secret.

    `tls_server_name` is what its certificate is checked for; None for the host of the URL.
    """

    cluster: str
    server: str
    certificate_authority: str
    token: str = field(repr=False)
    tls_server_name: str | None = None


def reader_token(generation: int) -> Object:
    """The Secret in which a cluster's token controller puts a lasting token of the reader ServiceAccount.

    Each generation has a name of its own. So a new one is created beside the old one, peers are given the new
    token, and only then the old Secret goes, and with it the old token.
    Source: https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets
    """
    name = READER_TOKEN if generation == 1 else f"{READER_TOKEN}-{generation}"
    annotations = {"kubernetes.io/service-account.name": READER}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(name, ISTIO_SYSTEM, annotations=annotations),
        "type": "kubernetes.io/service-account-token",
    }


def remote_kubeconfig(peer: Peer) -> str:
    """A kubeconfig with an inline token, which is all that istiod accepts. JSON is YAML."""
    cluster = {"certificate-authority-data": peer.certificate_authority, "server": peer.server}
    if peer.tls_server_name:
        cluster["tls-server-name"] = peer.tls_server_name
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": peer.cluster, "cluster": cluster}],
            "contexts": [{"name": peer.cluster, "context": {"cluster": peer.cluster, "user": peer.cluster}}],
            "current-context": peer.cluster,
            "users": [{"name": peer.cluster, "user": {"token": peer.token}}],
        },
        indent=2,
    )


def remote_secret_data(kubeconfigs: dict[str, str]) -> dict[str, str]:
    """The Secret's `data`: cluster ID to kubeconfig; secret as a whole. The ID equals the one in the charts."""
    return {cluster: encoded(kubeconfig) for cluster, kubeconfig in sorted(kubeconfigs.items())}


def remote_secrets(data: object) -> Object:
    """The one Secret of a control plane around `data`; istiod finds it by its label."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(REMOTE_SECRETS, ISTIO_SYSTEM, labels={"istio/multiCluster": "true"}),
        "type": "Opaque",
        "data": data,
    }
