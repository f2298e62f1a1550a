"""A wait for Karmada ends when every cluster is ready with its kinds, and says what is missing before."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, cast

import pytest

from meshfleet.errors import ClusterError, RefusedError, UnreachableError
from meshfleet.errors.causes import Cause
from meshfleet.kube.karmada import require_clusters, require_served
from meshfleet.kube.releases.server import Server
from meshfleet.plugins.meshfleet import karmada_hooks_cleanup
from meshfleet.plugins.meshfleet.karmada_clusters import KarmadaClustersHandler
from meshfleet.plugins.meshfleet.karmada_hooks_cleanup import KarmadaHooksCleanupHandler
from meshfleet.processes.waiting import NotYetError

pytestmark = pytest.mark.proof("a control plane of Karmada gets what the direct engine would do", step=0)

CLUSTERS = "apis/cluster.karmada.io/v1alpha1/clusters"
WANTED = {"west": ["apps/v1/Deployment", "v1/ConfigMap"]}


class Answers:
    """An API server that has one answer."""

    def __init__(
        self, answer: dict[str, Any] | None, path: str = "apis/cluster.karmada.io/v1alpha1/clusters/west"
    ) -> None:
        self._answer, self._path = answer, path

    def get(self, path: str, subject: str) -> dict[str, Any] | None:
        assert path == self._path
        return self._answer


def lacks(answer: dict[str, Any] | None) -> str:
    try:
        require_clusters(cast("Server", Answers(answer)), WANTED)
    except NotYetError as error:
        return str(error)
    return ""


def cluster(ready: str = "True", *groups: tuple[str, str]) -> dict[str, Any]:
    enabled = [{"groupVersion": group, "resources": [{"name": "x", "kind": kind}]} for group, kind in groups]
    condition = {"type": "Ready", "status": ready, "message": "cluster is not reachable"}
    return {"status": {"conditions": [condition], "apiEnablements": enabled}}


def test_it_ends_when_all_kinds_are_known() -> None:
    assert lacks(cluster("True", ("apps/v1", "Deployment"), ("v1", "ConfigMap"))) == ""


def test_what_is_missing_is_named() -> None:
    assert lacks(None) == "Cluster west in Karmada: there is none"
    assert lacks({}) == "Cluster west in Karmada: Karmada has not looked at it"
    assert lacks(cluster("False")) == "Cluster west in Karmada: not ready: cluster is not reachable"
    assert lacks(cluster("True", ("apps/v1", "Deployment"))) == (
        "Cluster west in Karmada: it does not know v1/ConfigMap of it"
    )


def test_another_kind_of_answer_is_none_of_karmada() -> None:
    with pytest.raises(ClusterError, match="another structure"):
        lacks({"status": {"conditions": [{"status": "True"}]}})


def test_kinds_that_are_no_lists_are_refused() -> None:
    handler = KarmadaClustersHandler()
    good = {"cluster": "west", "kinds": WANTED, "kubeconfig": "k"}
    assert handler.check(good)[1] == []
    assert [fault.property for fault in handler.check(good | {"kinds": {"west": "v1/ConfigMap"}})[1]] == ["kinds"]


class Failing:
    """An API server of which every answer is an error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get(self, path: str, subject: str) -> dict[str, Any] | None:
        raise self._error


def test_a_release_is_ready_once_clusters_are_served() -> None:
    served = Answers({"kind": "ClusterList"}, CLUSTERS)
    require_served(cast("Server", served))
    with pytest.raises(NotYetError, match="they are not served"):
        require_served(cast("Server", Answers(None, CLUSTERS)))
    # The aggregated API server starts after the other one.
    for error in (RefusedError("service unavailable", 503), UnreachableError("https://h", Cause.REFUSED, "refused")):
        with pytest.raises(NotYetError):
            require_served(cast("Server", Failing(error)))
    with pytest.raises(RefusedError):
        require_served(cast("Server", Failing(RefusedError("unauthorized", 401))))


@pytest.mark.parametrize(
    ("annotations", "removed"), [({"helm.sh/hook": "pre-install"}, True), ({}, False), (None, False)]
)
def test_what_hooks_leave_is_removed_the_binding_first_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, annotations: dict[str, str] | None, removed: bool
) -> None:
    deleted: list[str] = []

    class Left:
        def get(self, path: str, subject: str) -> dict[str, Any]:
            return {"metadata": {"annotations": annotations}}

        def delete(self, path: str, subject: str) -> None:
            deleted.append(path.rpartition("/v1/")[2])

    monkeypatch.setattr(karmada_hooks_cleanup, "connected", lambda *_: nullcontext(Left()))
    KarmadaHooksCleanupHandler().delete("hub", {"kubeconfig": "k"}, {}, 0)
    assert deleted == (["clusterrolebindings/karmada-hook-job", "clusterroles/karmada-hook-job"] if removed else [])
