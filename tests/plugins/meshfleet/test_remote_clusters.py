"""A kubeconfig that cannot work never gets as far as the remote secrets, and each failure says what was seen."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from meshfleet.embedded.ports import reserve_ports
from meshfleet.errors import ClusterError
from meshfleet.errors.causes import Cause
from meshfleet.kube.api_errors import RefusedError, UnreachableError
from meshfleet.manifests.remote_secrets import Peer, remote_kubeconfig
from meshfleet.plugins.meshfleet import remote_clusters
from meshfleet.plugins.meshfleet.handler import Difference, Properties
from meshfleet.plugins.meshfleet.remote_access import is_proof, try_access
from meshfleet.plugins.meshfleet.remote_clusters import RemoteClustersHandler
from tests.plugins.meshfleet.conftest import FLEET, MeshCluster
from tests.tls_proxy import new_authority, proxy_before

pytestmark = pytest.mark.proof("a link between clusters is tried before the one that works goes", step=0)

UNKNOWN_AUTHORITY = UnreachableError("https://east.example", Cause.CERTIFICATE_AUTHORITY)
Trials = dict[str, ClusterError | None]


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> tuple[Trials, list[str]]:
    """What is seen with each kubeconfig, and the clusters that were tried."""
    seen: Trials = {}
    tried: list[str] = []

    def attempt(cluster: str, kubeconfig: str) -> None:
        tried.append(cluster)
        if error := seen.get(kubeconfig):
            raise error

    monkeypatch.setattr(remote_clusters, "try_access", attempt)
    return seen, tried


def inputs(**more: object) -> Properties:
    checked, faults = RemoteClustersHandler().check({"cluster": "west", **more})
    assert not faults
    return checked


def test_only_what_is_new_or_changed_is_tried(trials: tuple[Trials, list[str]]) -> None:
    _, tried = trials
    handler, old = RemoteClustersHandler(), inputs(kubeconfigs={"east": "e", "north": "n"})
    assert handler.create(old, 0).outputs == {"state": "read"}
    assert tried == ["east", "north"]
    assert handler.diff(old, {"state": "read"}, old) == Difference()
    new = inputs(kubeconfigs={"east": "e", "north": "n2", "south": "s"})
    assert handler.diff(old, {"state": "read"}, new) == Difference(("kubeconfigs",))
    assert handler.update("west", old, {}, new, 0) == {"state": "read"}
    assert sorted(tried[2:]) == ["north", "south"]


def test_what_cannot_work_fails_with_all_that_was_seen(trials: tuple[Trials, list[str]]) -> None:
    seen, _ = trials
    seen |= {"e": UNKNOWN_AUTHORITY, "n": RefusedError("Unauthorized", 401)}
    made = inputs(kubeconfigs={"east": "e", "north": "n", "south": "s"})
    with pytest.raises(ClusterError) as caught:
        RemoteClustersHandler().create(made, 0)
    assert str(caught.value).startswith(
        f"the control plane of west could not read east: {UNKNOWN_AUTHORITY}; north: Unauthorized"
    )


def test_a_cluster_that_is_down_holds_up_no_other_unless_its_address_was_given(
    trials: tuple[Trials, list[str]],
) -> None:
    seen, _ = trials
    seen["e"] = UnreachableError("https://east.example", Cause.REFUSED)
    given = {"kubeconfigs": {"east": "e", "north": "n"}}
    assert RemoteClustersHandler().create(inputs(**given), 0).outputs == {
        "state": "not tried: east cannot be reached from this machine"
    }
    with pytest.raises(ClusterError, match=r"east: .*does not respond: the connection is refused"):
        RemoteClustersHandler().create(inputs(**given, explicitServers=["east"]), 0)


def test_where_istiod_runs_elsewhere_only_a_doubt_is_said(trials: tuple[Trials, list[str]]) -> None:
    seen, _ = trials
    seen["e"] = UNKNOWN_AUTHORITY
    made = inputs(kubeconfigs={"east": "e"}, localIstiod=False)
    state = RemoteClustersHandler().create(made, 0).outputs["state"]
    assert state == f"doubtful: east: {UNKNOWN_AUTHORITY}"
    seen["e"] = UnreachableError("https://east.example", Cause.REFUSED)
    assert RemoteClustersHandler().create(made, 0).outputs["state"].startswith("not tried: east")


def test_wrong_inputs_are_named() -> None:
    wrong = {"kubeconfigs": 1, "explicitServers": 2, "localIstiod": 3}
    _, faults = RemoteClustersHandler().check({"cluster": "west", **wrong})
    assert [fault.property for fault in faults] == list(wrong)


Given = Callable[..., str]


@pytest.fixture
def given(mesh_cluster: MeshCluster) -> Given:
    """A remote kubeconfig for the cluster, good but for what is replaced."""
    server = mesh_cluster.kubectl(
        "config",
        "view",
        "--raw",
        "-o",
        "jsonpath={.clusters[0].cluster.server} {.clusters[0].cluster.certificate-authority-data}",
    ).split()
    token = mesh_cluster.kubectl("create", "token", "istio-reader-service-account", "-n", "istio-system")

    def make(**replaced: str) -> str:
        fields = {"server": server[0], "certificate_authority": server[1], "token": token} | replaced
        return remote_kubeconfig(Peer("west", **fields))

    return make


@pytest.mark.proof("a link between clusters is tried before the one that works goes", step=2)
def test_a_real_api_server_is_read_or_says_why_not(given: Given, mesh_cluster: MeshCluster, tmp_path: Path) -> None:
    try_access("west", given())

    def seen(**replaced: str) -> ClusterError:
        with pytest.raises(ClusterError) as caught:
            try_access("west", given(**replaced), 1)
        return caught.value

    assert is_proof(refused := seen(token="wrong"))
    assert "nauthorized" in str(refused)
    nobody = mesh_cluster.kubectl("create", "token", "default", "-n", "default")
    assert is_proof(forbidden := seen(token=nobody))
    assert "forbidden" in str(forbidden)
    port = reserve_ports(mesh_cluster.home, f"{FLEET}/nobody", ["none"])["none"]
    assert not is_proof(seen(server=f"https://127.0.0.1:{port}"))
    authority = new_authority(tmp_path)
    server = mesh_cluster.kubectl("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}")
    with proxy_before(int(server.rpartition(":")[2]), authority) as before:
        assert is_proof(other := seen(server=f"https://127.0.0.1:{before}"))
        assert "certificate" in str(other)
        data = base64.b64encode(authority.certificate.read_bytes()).decode()
        try_access("west", given(server=f"https://127.0.0.1:{before}", certificate_authority=data))
