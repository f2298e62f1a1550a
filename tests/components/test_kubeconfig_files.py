"""A user's kubeconfig: one context of it, made self-contained; every fault names the field and no secret."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from meshfleet.components.kubeconfig_file import KubeconfigFile, kubeconfig_files, read_kubeconfig
from meshfleet.providers.base import NamedContext
from meshfleet.topology import Fleet, TopologyError, load
from tests.tls_servers import self_signed

pytestmark = pytest.mark.proof("existing clusters by an explicit kubeconfig and context", step=0)

TOKEN = "the-token-that-nobody-may-see"
FIELD = "clusters.west.existing"
PEM = dict(zip(("c.pem", "keys/k.pem"), self_signed("admin"), strict=True))
PEM["ca.pem"] = PEM["c.pem"]


def kubeconfig(**changes: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "another",
        "clusters": [
            {"name": "c1", "cluster": {"server": "https://west.example:6443", "certificate-authority": "ca.pem"}},
            {"name": "c2", "cluster": {"server": "http://insecure.example"}},
        ],
        "users": [
            {"name": "u1", "user": {"token": TOKEN, "client-certificate": "c.pem", "client-key": "keys/k.pem"}},
            {"name": "u2", "user": {"token": "of somebody else"}},
        ],
        "contexts": [
            {"name": "admin", "context": {"cluster": "c1", "user": "u1", "namespace": "x"}},
            {"name": "another", "context": {"cluster": "c2", "user": "u2"}},
            {"name": "dangling", "context": {"cluster": "gone", "user": "u1"}},
        ],
    } | changes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    for name, content in PEM.items():
        (tmp_path / name).write_bytes(content)
    file = tmp_path / "config"
    write(file, kubeconfig())
    return file


def write(file: Path, content: Any) -> None:
    with file.open("w", encoding="utf-8") as stream:
        YAML(typ="safe", pure=True).dump(content, stream)


def read(path: Path, context: str = "admin") -> KubeconfigFile:
    return read_kubeconfig("west", NamedContext("existing", str(path), context))


def fault(path: Path, context: str = "admin") -> tuple[str, str]:
    with pytest.raises(TopologyError) as caught:
        read(path, context)
    (found,) = caught.value.faults
    assert TOKEN not in str(caught.value)
    return found.path, found.message


def test_the_named_context_is_all_that_is_left_and_nothing_is_by_path(path: Path) -> None:
    file = read(path)
    content = json.loads(file.content)
    assert file.server == "https://west.example:6443"
    assert content["current-context"] == "admin"
    assert content["contexts"] == [{"name": "admin", "context": {"cluster": "c1", "user": "u1"}}]
    (cluster,), (user,) = content["clusters"], content["users"]
    assert cluster["cluster"] == {
        "server": "https://west.example:6443",
        "certificate-authority-data": base64.b64encode(PEM["ca.pem"]).decode(),
    }
    assert user["user"] == {
        "token": TOKEN,
        "client-certificate-data": base64.b64encode(PEM["c.pem"]).decode(),
        "client-key-data": base64.b64encode(PEM["keys/k.pem"]).decode(),
    }
    assert "somebody else" not in file.content


def test_the_same_file_gives_the_same_bytes(path: Path) -> None:
    assert read(path) == read(path)


def test_a_file_of_the_home_may_be_given_with_a_tilde(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(path.parent))
    assert read(Path("~/config")) == read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert fault(missing) == (f"{FIELD}.kubeconfig", f"there is no file {missing}")


def test_a_folder_is_no_kubeconfig(tmp_path: Path) -> None:
    field, message = fault(tmp_path)
    assert field == f"{FIELD}.kubeconfig"
    assert f"{tmp_path}: Is a directory" in message


@pytest.mark.parametrize(
    "content",
    [
        f"users: [{{token: {TOKEN}",
        f"a: b: {TOKEN}",
        f"token: {TOKEN}\ntoken: {TOKEN}x",
        f"!!python/object:os.system {TOKEN}",
        "- \x00",
    ],
)
def test_a_file_that_is_no_yaml_is_refused_without_repeating_it(content: str, path: Path) -> None:
    path.write_text(content, encoding="utf-8")
    field, message = fault(path)
    assert field == f"{FIELD}.kubeconfig"
    assert message.startswith(f"{path}: is not YAML: ")


def test_a_file_that_is_no_text_is_refused(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")
    assert fault(path)[1].startswith(f"{path}: is not text in UTF-8")


@pytest.mark.parametrize("content", ["", TOKEN, "[1, 2]", "42"])
def test_yaml_that_is_no_mapping_is_no_kubeconfig(content: str, path: Path) -> None:
    path.write_text(content, encoding="utf-8")
    assert fault(path) == (
        f"{FIELD}.kubeconfig",
        f"{path}: not a mapping; give the content of a kubeconfig file",
    )


def test_an_unknown_context_is_refused_and_those_there_are_are_named(path: Path) -> None:
    assert fault(path, "north") == (
        f"{FIELD}.context",
        f"{path}: no context 'north'; it has admin, another, dangling",
    )
    write(path, {"kind": "Config"})
    assert fault(path)[1] == f"{path}: no context 'admin'; it has none"


def test_a_context_must_lead_to_an_https_server(path: Path) -> None:
    field, message = fault(path, "another")
    assert field == f"{FIELD}.context"
    assert "the context 'another' leads to no https:// server" in message
    field, message = fault(path, "dangling")
    assert (field, message) == (
        f"{FIELD}.kubeconfig",
        f"{path}: the context names the cluster 'gone', which is not there",
    )


def test_a_file_it_names_must_be_there(path: Path) -> None:
    (path.parent / "keys" / "k.pem").unlink()
    field, message = fault(path)
    assert field == f"{FIELD}.kubeconfig"
    assert "its client-key keys/k.pem cannot be read: No such file or directory" in message


@pytest.mark.parametrize("section", ["clusters", "users", "contexts"])
@pytest.mark.parametrize(
    "content", [None, "x", 7, {"a": 1}, [None], ["x"], [{}], [{"name": "admin"}], [{"name": "c1", "cluster": "x"}]]
)
def test_a_damaged_section_is_a_fault_and_not_a_failure_of_the_program(section: str, content: Any, path: Path) -> None:
    write(path, kubeconfig(**{section: content}))
    # The other readers would refuse a user that is not there.
    assert fault(path)[0] == (f"{FIELD}.context" if section == "contexts" else f"{FIELD}.kubeconfig")


@pytest.mark.parametrize(
    ("server", "only_here"),
    [
        ("https://127.0.0.1:6443", True),
        ("https://localhost:6443", True),
        ("https://[::1]:6443", True),
        ("https://127.1.2.3", True),
        ("https://127.0.0.1.example:6443", False),
        ("https://localhost.example:6443", False),
        ("https://west.example:6443", False),
        ("https://10.0.0.7", False),
    ],
)
def test_a_server_of_this_machine_is_known_by_its_address(server: str, only_here: bool) -> None:
    assert KubeconfigFile("", server).on_this_machine is only_here


def two(path: Path, west_pods: str, east_pods: str, discovery: object = None, **planes: object) -> Fleet:
    """West is reached at 127.0.0.1, east under a name that everybody knows.

    `discovery` is that of west. `planes` are their control planes; they are in two meshes where one hosts the other's.
    """
    apart = any(isinstance(plane, dict) and "external" in plane for plane in planes.values())
    local = path.with_name("local")
    write(local, kubeconfig(clusters=[{"name": "c1", "cluster": {"server": "https://127.0.0.1:6443"}}]))
    return load(
        "existing",
        {
            "host": "west",
            "meshes": {"m1": {}, "m2": {}} if apart else {"m1": {}},
            "networks": {"n1": {}, "n2": {}},
            "clusters": {
                "west": {
                    "existing": {"kubeconfig": str(local), "context": "admin", "pods": west_pods},
                    "mesh": "m1",
                    "network": "n1",
                    "controlPlane": planes.get("west", "own"),
                    "discovery": discovery or {},
                },
                "east": {
                    "existing": {"kubeconfig": str(path), "context": "admin", "pods": east_pods},
                    "mesh": "m2" if apart else "m1",
                    "network": "n2",
                    "controlPlane": planes.get("east", "own"),
                },
            },
        },
    )


def test_the_kubeconfig_of_every_existing_cluster_is_read(path: Path) -> None:
    files = kubeconfig_files(two(path, "simulated", "simulated"))
    assert {name: file.server for name, file in files.items()} == {
        "west": "https://127.0.0.1:6443",
        "east": "https://west.example:6443",
    }


@pytest.mark.parametrize("west", ["simulated", "real"])
def test_an_address_of_this_machine_is_refused_where_a_peers_istiod_runs_elsewhere(path: Path, west: str) -> None:
    with pytest.raises(TopologyError) as caught:
        kubeconfig_files(two(path, west, "real"))
    (found,) = caught.value.faults
    assert found.path == "clusters.west.existing.kubeconfig"
    assert "127.0.0.1:6443 is an address of this machine, which the istiod of east cannot reach" in found.message
    assert "name one that it reaches as clusters.west.discovery.server" in found.message


def test_an_address_of_this_machine_will_do_for_peers_that_are_on_it(path: Path) -> None:
    assert kubeconfig_files(two(path, "real", "simulated"))["west"].on_this_machine


def test_an_address_that_peers_reach_is_the_way_out(path: Path) -> None:
    fleet = two(path, "real", "real", discovery={"server": "https://west.example:6443"})
    # The stack itself goes on using its own.
    assert kubeconfig_files(fleet)["west"].server == "https://127.0.0.1:6443"


def test_an_address_of_this_machine_that_no_peer_is_given_is_nobodys_concern(path: Path) -> None:
    local = path.with_name("local")
    write(local, kubeconfig(clusters=[{"name": "c1", "cluster": {"server": "https://127.0.0.1:6443"}}]))
    existing = {"kubeconfig": str(local), "context": "admin"}
    fleet = load("alone", {"networks": {"n": {}}, "clusters": {"west": {"existing": existing, "network": "n"}}})
    assert kubeconfig_files(fleet)["west"].on_this_machine


@pytest.mark.parametrize("plane", [{"remote": "east"}, {"external": "east"}])
def test_an_address_of_this_machine_is_refused_where_the_istiod_that_serves_the_cluster_runs_elsewhere(
    path: Path, plane: object
) -> None:
    with pytest.raises(TopologyError, match=r"which the istiod of (east|west) cannot reach"):
        kubeconfig_files(two(path, "real", "real", west=plane))


@pytest.mark.parametrize("plane", [{"remote": "west"}, {"external": "west"}])
def test_an_address_of_this_machine_will_do_for_a_cluster_that_no_istiod_reads_from_elsewhere(
    path: Path, plane: object
) -> None:
    assert kubeconfig_files(two(path, "real", "real", east=plane))["west"].on_this_machine


def test_the_faults_of_all_clusters_are_reported_at_once(path: Path) -> None:
    fleet = two(path, "real", "real")
    path.unlink()
    path.with_name("local").unlink()
    with pytest.raises(TopologyError) as caught:
        kubeconfig_files(fleet)
    assert [found.path for found in caught.value.faults] == [
        "clusters.east.existing.kubeconfig",
        "clusters.west.existing.kubeconfig",
    ]


def test_embedded_clusters_need_no_file() -> None:
    fleet = load("one", {"networks": {"n": {}}, "clusters": {"west": {"embedded": {}, "network": "n"}}})
    assert kubeconfig_files(fleet) == {}
