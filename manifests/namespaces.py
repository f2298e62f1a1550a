"""Namespaces: Istio's own with its network label, and those the fleet declares.

Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/#set-the-default-network-for-cluster1
"""

from __future__ import annotations

from manifests.objects import ISTIO_SYSTEM, Object, metadata
from topology import Fleet

NETWORK_LABEL = "topology.istio.io/network"


def istio_system(fleet: Fleet, cluster: str) -> Object:
    """The namespace of the control plane. Its label tells istiod the network of everything in the cluster."""
    labels = {NETWORK_LABEL: fleet.clusters[cluster].network}
    return _namespace(ISTIO_SYSTEM, labels)


def declared(fleet: Fleet, cluster: str) -> dict[str, Object]:
    """The namespaces the stack file declares for a cluster, by name, with the labels of injection where asked for."""
    return {
        name: _namespace(name, namespace.labels | (injection_labels(fleet) if namespace.injection else {}))
        for name, namespace in fleet.namespaces_of(cluster).items()
    }


def injection_labels(fleet: Fleet) -> dict[str, str]:
    """The label that selects the fleet's revision.

    Source: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy
    """
    revision = fleet.istio.revision
    return {"istio-injection": "enabled"} if revision == "default" else {"istio.io/rev": revision}


def _namespace(name: str, labels: dict[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(name, labels=labels)}
