"""Remote secrets: how a control plane is let into the API servers of the other clusters of its mesh.

One Secret per control plane holds all clusters that it reads (`Fleet.reads`), so that objects grow with the number of
clusters and not with its square. The credential is a token of the reader ServiceAccount, made for this purpose; no
user's credential is copied.
Source: https://istio.io/latest/docs/reference/commands/istioctl/#istioctl-create-remote-secret and
istio/istio pkg/kube/multicluster/secretcontroller.go
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from meshfleet.manifests import names
from meshfleet.manifests.objects import Object, encoded, metadata
from meshfleet.manifests.section import Document, Known, Point, Section, Stage
from meshfleet.topology import Fleet

READER = "istio-reader-service-account"
READER_TOKEN = f"{READER}-istio-remote-secret-token"
REMOTE_SECRETS = "istio-remote-secrets"


@dataclass(frozen=True)
class Peer:
    """How to reach a peer's API server: its URL, its CA certificate (base64 of PEM) and a reader token, a secret.

    `tls_server_name` is what its certificate is checked for; None for the host of the URL. `primary` is the cluster
    whose control plane serves the peer, None for its own.
    """

    cluster: str
    server: str
    certificate_authority: str
    token: str = field(repr=False)
    tls_server_name: str | None = None
    primary: str | None = None


def reader_token(fleet: Fleet, cluster: str) -> Object:
    """The Secret in which a cluster's token controller puts a lasting token of the reader ServiceAccount.

    Each generation has a name of its own. So a new one is created beside the old one, peers are given the new
    token, and only then the old Secret goes, and with it the old token.
    Source: https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets
    """
    generation = fleet.clusters[cluster].discovery.token
    name = READER_TOKEN if generation == 1 else f"{READER_TOKEN}-{generation}"
    annotations = {"kubernetes.io/service-account.name": READER}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(name, fleet.system_namespace(cluster), annotations=annotations),
        "type": "kubernetes.io/service-account-token",
    }


def remote_kubeconfig(peer: Peer) -> str:
    """A kubeconfig with an inline token, which is all that istiod accepts. JSON is YAML.

    Whether it is to lead in a cluster an istiod asks when it begins to read it, and never again, unless the kubeconfig
    is another one (checkShouldLead in pilot/pkg/serviceregistry/kube/controller/multicluster.go, and kubeConfigSha in
    pkg/kube/multicluster/secretcontroller.go). So it names the primary of the cluster; no other reader uses it.
    """
    cluster = {"certificate-authority-data": peer.certificate_authority, "server": peer.server}
    if peer.tls_server_name:
        cluster["tls-server-name"] = peer.tls_server_name
    served = [{"name": "meshfleet", "extension": {"primary": peer.primary}}] if peer.primary else []
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            **({"extensions": served} if served else {}),
            "clusters": [{"name": peer.cluster, "cluster": cluster}],
            "contexts": [{"name": peer.cluster, "context": {"cluster": peer.cluster, "user": peer.cluster}}],
            "current-context": peer.cluster,
            "users": [{"name": peer.cluster, "user": {"token": peer.token}}],
        },
        indent=2,
    )


def encoded_data(texts: dict[str, str]) -> dict[str, str]:
    """A Secret's `data`: key to base64 of its text; for remote secrets cluster ID to kubeconfig, secret as a whole.

    The ID equals the one in the charts.
    """
    return {key: encoded(text) for key, text in sorted(texts.items())}


def remote_secrets(fleet: Fleet, cluster: str, data: object) -> Object:
    """The one Secret of the control plane of `cluster` around `data`; istiod finds it by its label.

    It is where istiod reads its configuration, for an external one in its config cluster.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(REMOTE_SECRETS, fleet.system_namespace(cluster), labels={"istio/multiCluster": "true"}),
        "type": "Opaque",
        "data": data,
    }


def _reader(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    if not fleet.readers_of(cluster):
        return []
    return [Document(names.READER_TOKEN, READER_TOKENS, reader_token(fleet, cluster), after=names.charts(fleet))]


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """The one Secret of a control plane that reads other clusters."""
    read = fleet.reads(cluster)
    if not read:
        return []
    body = remote_secrets(fleet, cluster, known.remote_kubeconfigs(read))
    # A kubeconfig that does not work must not replace one that does.
    return [Document(names.REMOTE_SECRETS, SECTION, body, after=(names.SYSTEM_NAMESPACE, Point.PEERS_READ))]


READER_TOKENS = Section(
    name="reader-tokens",
    stage=Stage.DISCOVERY,
    component="Reader",
    documents=_reader,
    declared_in="clusters.<name>.discovery",
    what="a token of `istio-reader-service-account`",
    waits_for="the releases of Istio, which have the account and what it may read",
)
SECTION = Section(
    name="remote-secrets",
    stage=Stage.DISCOVERY,
    component="RemoteSecrets",
    documents=documents,
    declared_in="clusters.<name>.discovery",
    what="the Secret `istio-remote-secrets`",
    waits_for="the reader tokens of all clusters it reads",
)
