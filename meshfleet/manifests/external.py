"""What an external istiod runs as: an account in its config cluster, and that account's kubeconfig where it runs.

Source: https://istio.io/latest/docs/setup/install/external-controlplane/#set-up-the-control-plane-in-the-external-cluster
(`istioctl create-remote-secret --type=config`)
"""

from __future__ import annotations

from meshfleet.manifests.control_plane import istiod_service
from meshfleet.manifests.objects import Object, metadata
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


def istio_kubeconfig(fleet: Fleet, cluster: str, data: object) -> Object:
    """The Secret beside the external istiod around `data`: `config` to a kubeconfig, in base64; secret as a whole."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(ISTIO_KUBECONFIG, fleet.system_namespace(cluster)),
        "type": "Opaque",
        "data": data,
    }
