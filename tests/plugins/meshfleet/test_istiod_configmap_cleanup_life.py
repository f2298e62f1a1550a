"""What istiods wrote into the namespaces of a cluster that stays is removed with the last of Istio there."""

from __future__ import annotations

import pytest

from meshfleet.errors import ClusterError
from meshfleet.plugins.meshfleet.istiod_configmap_cleanup import IstiodConfigMapCleanupHandler
from tests.plugins.meshfleet.conftest import MeshCluster

pytestmark = pytest.mark.proof("what istiods write everywhere goes with the last of Istio", step=2)

NAMESPACE = "outlives"
SECOND = "outlives-too"


def configmaps(cluster: MeshCluster, namespace: str) -> list[str]:
    return sorted(cluster.kubectl("get", "configmaps", "-n", namespace, "-o", "name").split())


def test_what_istiods_wrote_is_gone_after_delete_and_what_others_wrote_is_not(mesh_cluster: MeshCluster) -> None:
    handler = IstiodConfigMapCleanupHandler()
    inputs, faults = handler.check({"cluster": "west", "kubeconfig": mesh_cluster.kubeconfig})
    assert not faults
    made = handler.create(inputs, 0)
    assert handler.read(made.identifier, inputs, made.outputs) == made.outputs
    for namespace in (NAMESPACE, SECOND):
        mesh_cluster.kubectl("create", "namespace", namespace)
        # The third has the name of one that istiod writes, and somebody else wrote it.
        for name in ("istio-ca-root-cert", "of-somebody", "istio-ca-crl"):
            mesh_cluster.kubectl("create", "configmap", name, "-n", namespace)
        mesh_cluster.kubectl("label", "configmap", "istio-ca-root-cert", "-n", namespace, "istio.io/config=true")
    for _ in range(2):
        handler.delete(made.identifier, inputs, made.outputs, 0)
        for namespace in (NAMESPACE, SECOND):
            # kube-root-ca.crt is Kubernetes' own.
            left = ["configmap/istio-ca-crl", "configmap/kube-root-ca.crt", "configmap/of-somebody"]
            assert configmaps(mesh_cluster, namespace) == left
    for namespace in (NAMESPACE, SECOND):
        mesh_cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def test_that_a_cluster_cannot_be_cleaned_is_said(mesh_cluster: MeshCluster) -> None:
    handler = IstiodConfigMapCleanupHandler()
    inputs = {"cluster": "west", "kubeconfig": mesh_cluster.kubeconfig, "context": "nowhere"}
    with pytest.raises(ClusterError, match="nowhere"):
        handler.delete("west", inputs, {}, 0)


def test_another_way_to_the_cluster_is_an_update(mesh_cluster: MeshCluster) -> None:
    handler = IstiodConfigMapCleanupHandler()
    inputs = {"cluster": "west", "kubeconfig": mesh_cluster.kubeconfig}
    difference = handler.diff(inputs, {}, inputs | {"context": "other"})
    assert (difference.updates, difference.replaces) == (("context",), ())
    assert handler.update("west", inputs, {}, inputs | {"context": "other"}, 0) == {}
