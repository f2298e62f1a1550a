"""A kubeconfig is handed on only while it leads to the recorded cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from meshfleet.embedded.cluster import Cluster
from meshfleet.errors import ClusterError, EmbeddedError
from meshfleet.errors.causes import Cause
from meshfleet.kube.api_errors import UnreachableError
from meshfleet.kube.identity import identity_in_folder, identity_of_authority, read_identity
from meshfleet.plugins.meshfleet import cluster_identity
from meshfleet.plugins.meshfleet.cluster_identity import ClusterIdentityHandler
from meshfleet.plugins.meshfleet.embedded_cluster import EmbeddedClusterHandler
from meshfleet.plugins.meshfleet.handler import UNKNOWN, Difference
from tests.plugins.meshfleet.conftest import MeshCluster

pytestmark = pytest.mark.proof("a cluster is known by what it is, not by a name that leads to it", step=0)

INPUTS = {"cluster": "shop", "kubeconfig": "k", "context": "c"}
RECORDED = {"identity": "first", "state": "recorded"}
Lead = Callable[[str], None]


@pytest.fixture
def handler() -> ClusterIdentityHandler:
    return ClusterIdentityHandler()


@pytest.fixture
def leads_to(monkeypatch: pytest.MonkeyPatch) -> Lead:
    """Make every kubeconfig lead to a cluster of this identity; to none for the empty one."""

    def lead(identity: str) -> None:
        def read(kubeconfig: str, context: str | None) -> str:
            if not identity:
                raise UnreachableError("https://shop.example", Cause.REFUSED)
            return identity

        monkeypatch.setattr(cluster_identity, "read_identity", read)

    return lead


def test_the_first_run_records_what_answers(handler: ClusterIdentityHandler, leads_to: Lead) -> None:
    leads_to("first")
    made = handler.create(INPUTS, 0)
    assert (made.identifier, made.outputs) == ("shop", RECORDED)
    assert handler.diff(INPUTS, RECORDED, INPUTS) == Difference()
    assert handler.read("shop", INPUTS, RECORDED) == RECORDED


def test_a_renewed_kubeconfig_for_the_same_cluster_is_an_update(
    handler: ClusterIdentityHandler, leads_to: Lead
) -> None:
    leads_to("first")
    renewed = INPUTS | {"kubeconfig": "k2"}
    assert handler.diff(INPUTS, RECORDED, renewed) == Difference(("kubeconfig",))
    assert handler.preview(RECORDED, renewed) == handler.update("shop", INPUTS, RECORDED, renewed, 0) == RECORDED


@pytest.mark.parametrize("renewed", [{}, {"kubeconfig": "k2"}], ids=["the same kubeconfig", "another one"])
def test_another_cluster_fails_in_preview_and_in_update(
    handler: ClusterIdentityHandler, leads_to: Lead, renewed: dict[str, str]
) -> None:
    leads_to("second")
    inputs = INPUTS | renewed
    assert handler.diff(INPUTS, RECORDED, inputs).updates == (*sorted(renewed), "identity")
    assert handler.diff(INPUTS, RECORDED, inputs).replaces == ()
    said = r"shop: .* another cluster \(second\) .* \(first\); nothing is changed there"
    with pytest.raises(ClusterError, match=said):
        handler.preview(RECORDED, inputs)
    with pytest.raises(ClusterError, match=said):
        handler.update("shop", INPUTS, RECORDED, inputs, 0)
    # A refresh shows it and keeps what is recorded: otherwise it would be taken for the right one from then on.
    assert handler.read("shop", INPUTS, RECORDED) == {"identity": "first", "state": "another cluster: second"}


def test_a_cluster_that_cannot_be_read_is_not_another_one(handler: ClusterIdentityHandler, leads_to: Lead) -> None:
    leads_to("")
    assert handler.diff(INPUTS, RECORDED, INPUTS) == Difference()
    assert handler.update("shop", INPUTS, RECORDED, INPUTS | {"kubeconfig": "k2"}, 0) == RECORDED
    assert handler.read("shop", INPUTS, RECORDED) == RECORDED
    unread = handler.create(INPUTS, 0).outputs
    assert unread == {
        "identity": "",
        "state": f"not recorded: {UnreachableError('https://shop.example', Cause.REFUSED)}",
    }
    assert handler.preview(None, INPUTS)["identity"] is UNKNOWN
    leads_to("first")
    # It is recorded once it can be.
    assert handler.diff(INPUTS, unread, INPUTS) == Difference(("identity",))
    assert handler.update("shop", INPUTS, unread, INPUTS, 0) == RECORDED


def test_the_folder_of_an_embedded_cluster_with_another_one_in_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESHFLEET_HOME", str(tmp_path))
    folder = tmp_path / "fleets" / "dev" / "clusters" / "west"

    def hold(cluster: str, certificate: bytes) -> None:
        pki = folder / "kwok" / "clusters" / cluster / "pki"
        pki.mkdir(parents=True)
        (pki / "ca.crt").write_bytes(certificate)

    inputs, _ = EmbeddedClusterHandler().check({"fleet": "dev", "name": "west", "kubernetesVersion": "v1.35.4"})
    outputs = {"identity": identity_of_authority(b"of west"), "state": "running"}
    assert identity_in_folder(folder) is None
    # A folder that was moved here holds its cluster under the name it had.
    hold("east", b"of east")
    monkeypatch.setattr(Cluster, "state", lambda _: "running")
    handler = EmbeddedClusterHandler()
    assert handler.diff(inputs, outputs, inputs) == Difference(("identity",), delete_before_replace=True)
    with pytest.raises(EmbeddedError, match="west: its folder on this machine contains another cluster"):
        handler.preview(outputs, inputs)
    with pytest.raises(EmbeddedError, match="put the right folder back, or remove it"):
        handler.update("dev/west", inputs, outputs, inputs, 0)
    hold("west", b"of west")
    assert handler.diff(inputs, outputs, inputs) == Difference(delete_before_replace=True)


@pytest.mark.proof("a cluster is known by what it is, not by a name that leads to it", step=2)
def test_the_identity_is_the_uid_of_kube_system(mesh_cluster: MeshCluster) -> None:
    uid = mesh_cluster.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    assert read_identity(mesh_cluster.kubeconfig) == uid != ""
    handler = ClusterIdentityHandler()
    assert handler.create({"cluster": "west", "kubeconfig": mesh_cluster.kubeconfig}, 0).outputs["identity"] == uid
