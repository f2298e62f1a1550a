"""What an embedded cluster was made as is never taken for nothing: it is read, rebuilt, or an error says so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from meshfleet.embedded.cluster import Cluster
from meshfleet.embedded.cluster_record import MAKING, RECORD, begin_making, read_spec
from meshfleet.embedded.cluster_spec import COMPONENTS, ClusterSpec, dump_spec
from meshfleet.embedded.ports import reserve_ports, reserved_ports
from meshfleet.embedded.reservations import reservations
from meshfleet.errors import FileError, NewerFileError
from meshfleet.files import make_directory
from meshfleet.workspace.home import Workspace

pytestmark = pytest.mark.proof("a lost record of a cluster never removes the cluster", step=0)

SPEC = ClusterSpec("west", "v1.35.4", pod_cidr="10.1.0.0/16", service_cidr="10.96.0.0/16")
NOTES = json.dumps(
    {
        "kind": "KwokctlConfiguration",
        "options": {"kubeVersion": "v1.35.4", "kubeApiserverPort": 21000, "kwokControllerPort": 21001},
        "components": [
            {
                "name": name,
                "args": {
                    "kube-apiserver": ["--service-cluster-ip-range=10.96.0.0/16"],
                    "kube-controller-manager": ["--cluster-cidr=10.1.0.0/16"],
                }.get(name, []),
            }
            for name in COMPONENTS
        ],
    }
)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A complete cluster, but for its processes."""
    workspace = Workspace("dev", tmp_path)
    workspace.claim()
    made = Cluster(workspace, "west")
    files = made.directory / "kwok" / "clusters" / "west"
    make_directory(files / "etcd" / "member")
    (files / "etcd" / "member" / "db").write_text("data", encoding="utf-8")
    (files / "kwok.yaml").write_text(NOTES, encoding="utf-8")
    (made.directory / "kwokctl.yaml").write_text(NOTES, encoding="utf-8")
    (made.directory / RECORD).write_text(dump_spec(SPEC), encoding="utf-8")
    return made


def test_a_record_that_is_cut_anywhere_is_rebuilt(cluster: Cluster) -> None:
    whole = dump_spec(SPEC)
    for length in range(len(whole) - 1):
        (cluster.directory / RECORD).write_text(whole[:length], encoding="utf-8")
        assert cluster.spec() == SPEC
    (cluster.directory / RECORD).unlink()
    assert cluster.spec() == SPEC
    assert cluster.state() == f"stopped: {', '.join(COMPONENTS)}"


@pytest.mark.parametrize("content", [b"[]", b"3", b"{}", b'{"name": 3}', b"\xff", b"\0" * 60, b"[" * 100_000])
def test_any_other_content_is_rebuilt(content: bytes, cluster: Cluster) -> None:
    (cluster.directory / RECORD).write_bytes(content)
    assert cluster.spec() == SPEC


@pytest.mark.parametrize("more", [{"version": 2}, {"colour": "red"}, {"version": 2, "colour": "red"}])
def test_a_record_of_a_later_version_stops_everything_and_removes_nothing(
    more: dict[str, object], cluster: Cluster
) -> None:
    text = json.dumps({**json.loads(dump_spec(SPEC)), **more})
    (cluster.directory / RECORD).write_text(text, encoding="utf-8")
    for look in (cluster.spec, cluster.state, cluster.running, lambda: cluster.create(SPEC)):
        with pytest.raises(NewerFileError, match=r"cluster\.json: written by a later version of meshfleet"):
            look()
    assert (cluster.directory / "kwok" / "clusters" / "west" / "etcd" / "member" / "db").exists()
    # The way out that the message names.
    (cluster.directory / RECORD).unlink()
    assert cluster.spec() == SPEC


@pytest.mark.parametrize("notes", [None, "", NOTES[: len(NOTES) // 2], "a: [", "components: []", "kind: x"])
@pytest.mark.parametrize("record", [None, b"", b"{"])
def test_a_cluster_of_which_too_little_is_left_is_an_error_and_stays(
    record: bytes | None, notes: str | None, cluster: Cluster
) -> None:
    for path, content in (
        (cluster.directory / RECORD, record),
        (cluster.directory / "kwok" / "clusters" / "west" / "kwok.yaml", notes.encode() if notes is not None else None),
    ):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
    for look in (cluster.spec, cluster.state, lambda: cluster.create(SPEC)):
        with pytest.raises(FileError, match=r"nothing was removed, the data of cluster west is in .*meshfleet destroy"):
            look()
    assert (cluster.directory / "kwok" / "clusters" / "west" / "etcd" / "member" / "db").exists()
    cluster.delete()
    assert not cluster.directory.exists()


def test_what_was_never_complete_is_no_cluster(tmp_path: Path) -> None:
    directory = tmp_path / "west"
    assert read_spec(directory) is None
    begin_making(make_directory(directory))
    assert read_spec(directory) is None
    make_directory(directory / "kwok" / "clusters" / "west" / "etcd" / "member")
    # Data or not: the note says that the making has not come to its end.
    assert read_spec(directory) is None
    (directory / MAKING).unlink()
    with pytest.raises(FileError):
        read_spec(directory)


def test_a_record_of_an_earlier_version_is_read(cluster: Cluster) -> None:
    content = json.loads(dump_spec(SPEC))
    del content["version"]
    (cluster.directory / RECORD).write_text(json.dumps(content), encoding="utf-8")
    assert cluster.spec() == SPEC


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"ports": []}', b"\xff", b"\0" * 30])
def test_lost_reservations_are_rebuilt(content: bytes | None, cluster: Cluster, tmp_path: Path) -> None:
    mine = reserve_ports(tmp_path, "dev/cluster/west", ["kube-apiserver", "kwok-controller"])
    reserve_ports(tmp_path, "dev/istiod/west/default", ["http"])
    with reservations(tmp_path) as held:
        held.addresses["dev/west/istio-system/gateway"] = "198.18.7.7"
        before = held.ports, held.addresses
    path = tmp_path / "reservations.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with reservations(tmp_path) as held:
        assert (held.ports, held.addresses) == before
    assert reserved_ports(tmp_path, "dev/cluster/west") == mine
    assert path.read_bytes().startswith(b"{\n")


def test_reservations_of_an_earlier_version_are_rebuilt_from_what_kwokctl_was_given(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "reservations.json").write_bytes(b"")
    expected = {"kube-apiserver": 21000, "kwok-controller": 21001}
    assert reserved_ports(tmp_path, "dev/cluster/west") == expected


def test_reservations_of_a_later_version_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "reservations.json"
    path.write_text('{"version": 2, "ports": {}, "addresses": {}}', encoding="utf-8")
    with pytest.raises(NewerFileError, match=r"reservations\.json: written by a later version"):
        reserve_ports(tmp_path, "dev/cluster/west", ["http"])
    assert "2" in path.read_text(encoding="utf-8")


def test_the_number_of_nodes_alone_is_not_rebuilt(cluster: Cluster) -> None:
    (cluster.directory / RECORD).write_text(dump_spec(replace(SPEC, nodes=7)), encoding="utf-8")
    assert cluster.spec() == replace(SPEC, nodes=7)
    (cluster.directory / RECORD).write_bytes(b"")
    rebuilt = cluster.spec()
    assert rebuilt is not None
    assert rebuilt.fixed == SPEC.fixed
