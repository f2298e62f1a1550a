"""The ConfigMaps that istiod writes into every namespace of a cluster and does not remove.

Source: pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go of istio/istio
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshfleet.kube.api_errors import RefusedError, api_errors

if TYPE_CHECKING:
    from lightkube import Client

_NAMES: Final = ("istio-ca-root-cert", "istio-ca-crl")


def remove_istiod_configmaps(client: Client) -> None:
    """Remove them from every namespace, once no istiod is authorized to write there. Raises ClusterError."""
    from lightkube.resources.core_v1 import ConfigMap

    with api_errors("ConfigMaps of istiod"):
        written = [
            found.metadata for found in client.list(ConfigMap, namespace="*", labels={"istio.io/config": "true"})
        ]
    for metadata in written:
        if metadata is None or metadata.name not in _NAMES:
            continue
        try:
            with api_errors(f"ConfigMap {metadata.namespace}/{metadata.name}"):
                client.delete(ConfigMap, metadata.name, namespace=metadata.namespace)
        except RefusedError as error:
            if not error.not_found:
                raise
