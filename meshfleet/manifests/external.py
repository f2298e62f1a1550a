"""What an external istiod runs as: an account in its config cluster, and that account's kubeconfig where it runs.

Source: https://istio.io/latest/docs/setup/install/external-controlplane/#set-up-the-control-plane-in-the-external-cluster
(`istioctl create-remote-secret --type=config`)
"""

from __future__ import annotations

from meshfleet.manifests import names
from meshfleet.manifests.control_plane import external_istiod
from meshfleet.manifests.names import istiod_service
from meshfleet.manifests.objects import Object, encoded, metadata
from meshfleet.manifests.section import Document, Known, Point, Section, Stage, elsewhere
from meshfleet.topology import Fleet

# The name that the istiod chart mounts, and the key it reads.
ISTIO_KUBECONFIG = "istio-kubeconfig"
KUBECONFIG_KEY = "config"


def account_token(fleet: Fleet, cluster: str) -> Object:
    """The Secret in which the config cluster puts a lasting token of istiod's own ServiceAccount.

    All revisions run under the account of `istio.revision`: the chart mounts one kubeconfig, by one name.
    """
    account = istiod_service(fleet.istio.revision)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(
            f"{account}-token",
            fleet.system_namespace(cluster),
            annotations={"kubernetes.io/service-account.name": account},
        ),
        "type": "kubernetes.io/service-account-token",
    }


def kubeconfig_data(kubeconfig: str) -> dict[str, str]:
    """The `data` of the Secret that istiod mounts."""
    return {KUBECONFIG_KEY: encoded(kubeconfig)}


def istio_kubeconfig(fleet: Fleet, cluster: str, data: object) -> Object:
    """The Secret beside the external istiod around `data`: `config` to a kubeconfig, in base64; secret as a whole."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(ISTIO_KUBECONFIG, fleet.system_namespace(cluster)),
        "type": "Opaque",
        "data": data,
    }


def _account(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    if fleet.clusters[cluster].control_plane.kind != "external":
        return []
    chart = istiod_service(fleet.istio.revision)
    return [Document(names.ISTIOD_TOKEN, ACCOUNT, account_token(fleet, cluster), after=(chart,))]


def _istiods(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    if fleet.clusters[cluster].control_plane.kind != "external":
        return []
    host = fleet.hosting(cluster)
    cacerts = names.hosted(cluster, names.CACERTS)
    return [
        Document(
            names.hosted(cluster, KUBECONFIG),
            ISTIODS,
            istio_kubeconfig(fleet, cluster, known.istiod_kubeconfig(cluster)),
            # A kubeconfig that does not work must not replace one that does.
            after=(cacerts, elsewhere(cluster, Point.CONFIG_CLUSTER_READ)),
            cluster=host,
        ),
        *(istiod(fleet, cluster, revision, known) for revision in fleet.istio.installed),
    ]


def istiod(fleet: Fleet, cluster: str, revision: str, known: Known) -> Document:
    """A revision of the external istiod of `cluster`, behind the gateway of the cluster that runs it."""
    return Document(
        names.hosted(cluster, istiod_service(revision)),
        ISTIODS,
        external_istiod(fleet, cluster, revision, known.roots(cluster)),
        after=(names.hosted(cluster, names.CACERTS), names.hosted(cluster, KUBECONFIG), *names.TO_ISTIODS),
        cluster=fleet.hosting(cluster),
    )


KUBECONFIG = "kubeconfig"
ACCOUNT = Section(
    name="external-account",
    stage=Stage.CONTROL_PLANE,
    component="ExternalControlPlane",
    documents=_account,
    declared_in="clusters.<name>.controlPlane",
    what="in a config cluster a token of its istiod's ServiceAccount",
    waits_for="the release `istiod` there, which has the account",
)
ISTIODS = Section(
    name="external-istiods",
    stage=Stage.CONTROL_PLANE,
    component="ExternalControlPlane",
    documents=_istiods,
    declared_in="clusters.<name>.controlPlane",
    what="for each external istiod in the cluster its kubeconfig and its releases",
    waits_for="its `cacerts`; the token of its account in its config cluster; the gateway in front of it",
    others=Fleet.hosted_by,
)
