"""`kind-primary-remote`: one control plane in two revisions, pods of two clusters in containers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshfleet.containers.engine import Engine
from tests.kind.fleets import KindFleet, kind_fleet

ECHO = "http://echo.sample.svc.cluster.local"
BOTH = {"primary", "branch"}


@pytest.fixture(scope="module")
def fleet(engine: Engine) -> Iterator[KindFleet]:
    """The fleet, destroyed at the end."""
    with kind_fleet("examples/kind-primary-remote") as made:
        yield made


@pytest.mark.proof("a control plane in a pod serves pods of another cluster in containers", step=5)
def test_pods_of_the_remote_cluster_have_sidecars_of_the_primary(fleet: KindFleet) -> None:
    for cluster in sorted(BOTH):
        found = fleet.containers(cluster)
        assert len(found) == 1
        assert all({"echo", "istio-proxy"} <= names for names in found.values()), found
    assert fleet.get("branch", "deployments", "-n", "istio-system", "-l", "app=istiod")["items"] == []


@pytest.mark.proof("a control plane in a pod serves pods of another cluster in containers", step=5)
@pytest.mark.parametrize("cluster", sorted(BOTH))
def test_requests_are_answered_by_both_clusters(fleet: KindFleet, cluster: str) -> None:
    fleet.send_until(cluster, "echo", ECHO, 50, BOTH)


@pytest.mark.proof("two revisions of istiod in pods, side by side", step=5)
def test_both_revisions_run_and_pods_are_of_the_tagged_one(fleet: KindFleet) -> None:
    istiods = fleet.get("primary", "deployments", "-n", "istio-system", "-l", "app=istiod")["items"]
    ready = {one["metadata"]["labels"]["istio.io/rev"]: one["status"].get("readyReplicas") for one in istiods}
    assert ready == {"blue": 1, "green": 1}
    for cluster in sorted(BOTH):
        pods = fleet.get(cluster, "pods", "-n", "sample", "-l", "app=echo")["items"]
        assert {pod["metadata"]["labels"].get("service.istio.io/canonical-revision") for pod in pods} == {"v1"}
        assert {pod["metadata"]["annotations"]["istio.io/rev"] for pod in pods} == {"blue"}
