"""What kwokctl, istiod and the nodes are told, worked out without touching anything."""

from __future__ import annotations

import ipaddress
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.embedded.cluster_spec import (
    CLOSED,
    COMPONENTS,
    PORTS,
    ClusterSpec,
    closed_arguments,
    dump_spec,
    is_closed,
    kwokctl_configuration,
    load_spec,
)
from meshfleet.embedded.control_plane import ControlPlane
from meshfleet.embedded.istiod_spec import (
    ISTIOD_PORTS,
    RESERVED_SETTINGS,
    Authority,
    IstiodSpec,
    certificate_files,
    istiod_arguments,
    istiod_environment,
)
from meshfleet.embedded.nodes import node_objects
from meshfleet.errors import ClusterError, EmbeddedError
from meshfleet.kube.kubeconfig import build_kubeconfig, connect, select_context

pytestmark = pytest.mark.proof("settings of embedded clusters and istiods", step=0)

SPEC = ClusterSpec("west", "v1.35.4")
PORT_NUMBERS = {name: 21000 + number for number, name in enumerate(PORTS)}
ISTIOD_NUMBERS = {name: 22000 + number for number, name in enumerate(ISTIOD_PORTS)}
ISTIOD = IstiodSpec(
    cluster="west",
    revision="default",
    network="network1",
    namespace="istio-system",
    mesh_id="mesh1",
    trust_domain="cluster.local",
    kubeconfig="KUBECONFIG-TEXT",
    context=None,
    authority=Authority("certificate", "KEY-TEXT", "chain", "root"),
    settings={"PILOT_X": "1"},
)


def configuration(spec: ClusterSpec) -> dict[str, Any]:
    tools = {name: Path("tools") / name for name in COMPONENTS}
    content: dict[str, Any] = json.loads(kwokctl_configuration(spec, PORT_NUMBERS, tools))
    return content


def patches(spec: ClusterSpec) -> dict[str, dict[str, str]]:
    return {
        patch["name"]: {extra["key"]: extra["value"] for extra in patch["extraArgs"]}
        for patch in configuration(spec)["componentsPatches"]
    }


def test_only_the_api_server_and_kwok_listen_on_a_port() -> None:
    assert set(PORTS) == {"kube-apiserver", "kwok-controller"}
    found = patches(SPEC)
    assert found["kube-controller-manager"]["secure-port"] == found["kube-scheduler"]["secure-port"] == "0"
    etcd = {flag: value for flag, value in found["etcd"].items() if "url" in flag}
    assert len(etcd) == 4
    assert all(value.startswith("unix://") for value in etcd.values())
    assert found["kube-apiserver"]["etcd-servers"] == etcd["listen-client-urls"]


def test_arguments_of_an_earlier_version_are_closed_when_they_start_again() -> None:
    for component, flags in CLOSED.items():
        earlier = ["--kept=1", *(f"--{flag}=http://127.0.0.1:1" for flag in flags)]
        assert not is_closed(component, earlier)
        now = closed_arguments(component, earlier)
        assert is_closed(component, now)
        assert now[0] == "--kept=1"
        assert "127.0.0.1" not in " ".join(now)
        assert closed_arguments(component, now) == now
    assert is_closed("kwok-controller", [])


def test_etcd_finds_its_data_in_its_working_directory_wherever_that_is_moved() -> None:
    assert patches(SPEC)["etcd"]["data-dir"] == "etcd"
    assert closed_arguments("etcd", ["--name=a", "--data-dir=/made/here/etcd"])[-1] == "--data-dir=etcd"


def test_every_server_is_bound_to_loopback_and_to_its_reserved_port() -> None:
    options = configuration(SPEC)["options"]
    assert options["bindAddress"] == "127.0.0.1"
    assert {value for name, value in options.items() if name.endswith("Port")} == set(PORT_NUMBERS.values())


def test_ranges_reach_the_servers_that_need_them() -> None:
    assert "service-cluster-ip-range" not in patches(SPEC)["kube-apiserver"]
    ranged = patches(replace(SPEC, pod_cidr="10.1.0.0/16", service_cidr="10.2.0.0/16"))
    assert ranged["kube-apiserver"]["service-cluster-ip-range"] == "10.2.0.0/16"
    assert ranged["kube-controller-manager"]["cluster-cidr"] == "10.1.0.0/16"


@given(
    st.builds(
        ClusterSpec,
        name=st.text(),
        kubernetes_version=st.text(),
        nodes=st.integers(1, 99),
        pod_cidr=st.none() | st.text(),
        region=st.none() | st.text(),
    )
)
def test_a_spec_survives_being_written_down(spec: ClusterSpec) -> None:
    assert load_spec(dump_spec(spec)) == spec


@given(st.integers(1, 60), st.integers(8, 18))
def test_nodes_share_the_pod_range_without_overlap(nodes: int, prefix: int) -> None:
    spec = replace(SPEC, nodes=nodes, pod_cidr=str(ipaddress.ip_network(f"10.0.0.0/{prefix}")))
    shares = [ipaddress.ip_network(node["spec"]["podCIDR"]) for node in node_objects(spec)]
    assert len(set(shares)) == nodes
    assert all(share.subnet_of(ipaddress.ip_network(f"10.0.0.0/{prefix}")) for share in shares)  # type: ignore[arg-type]
    assert not any(one.overlaps(other) for one in shares for other in shares if one is not other)


def test_too_many_nodes_for_the_range_are_refused_with_the_number() -> None:
    with pytest.raises(ClusterError, match=r"10\.0\.0\.0/23 has room for 2 nodes of a /24 each, not for 3"):
        node_objects(replace(SPEC, nodes=3, pod_cidr="10.0.0.0/23"))


def test_nodes_carry_region_and_zone_only_when_given() -> None:
    (plain,) = node_objects(SPEC)
    assert not any(label.startswith("topology.") for label in plain["metadata"]["labels"])
    (placed,) = node_objects(replace(SPEC, region="north", zone="north-a"))
    assert placed["metadata"]["labels"]["topology.kubernetes.io/region"] == "north"
    assert placed["metadata"]["labels"]["topology.kubernetes.io/zone"] == "north-a"


def test_control_z_of_istiod_never_listens() -> None:
    arguments = istiod_arguments(ISTIOD_NUMBERS, Path("d"))
    address = arguments[arguments.index("--ctrlz_address") + 1]
    # What Go makes of it has a colon too many to be an address.
    assert f"{address}:9876".count(":") == 2


def test_every_listener_of_istiod_is_on_loopback() -> None:
    arguments = istiod_arguments(ISTIOD_NUMBERS, Path("d"))
    listeners = {arguments[i + 1] for i, word in enumerate(arguments) if word.endswith("Addr")}
    assert listeners == {f"127.0.0.1:{port}" for port in ISTIOD_NUMBERS.values()}


def test_no_secret_is_on_istiods_command_line_or_in_its_environment() -> None:
    visible = [*istiod_arguments(ISTIOD_NUMBERS, Path("d")), *istiod_environment(ISTIOD, Path("d")).values()]
    assert not [word for word in visible if "TEXT" in word]
    assert "TEXT" not in repr(ISTIOD)
    assert certificate_files(ISTIOD.authority)["ca-key.pem"] == "KEY-TEXT"


def test_settings_are_added_and_cannot_replace_what_follows_from_the_rest() -> None:
    environment = istiod_environment(ISTIOD, Path("d"))
    assert environment["PILOT_X"] == "1"
    assert environment["CLUSTER_ID"] == "west"
    assert set(RESERVED_SETTINGS) - {"KUBECONFIG"} <= set(environment)


def test_a_revision_has_its_own_validator() -> None:
    environment = istiod_environment(replace(ISTIOD, revision="canary"), Path("d"))
    assert environment["VALIDATION_WEBHOOK_CONFIG_NAME"] == "istio-validator-canary-istio-system"
    assert environment["REVISION"] == "canary"


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    files = [tmp_path / name for name in ("ca", "certificate", "key")]
    for file in files:
        file.write_text(file.name, encoding="utf-8")
    return build_kubeconfig("west", "https://127.0.0.1:21000", *files)


def test_a_kubeconfig_needs_no_other_file(kubeconfig: str, tmp_path: Path) -> None:
    assert str(tmp_path) not in kubeconfig
    assert select_context(kubeconfig, None) == kubeconfig
    assert json.loads(select_context(kubeconfig, "west"))["current-context"] == "west"


@pytest.mark.parametrize(
    ("text", "context", "fault"),
    [
        ("", None, "not a mapping"),
        ("key: [SECRET", None, "not YAML"),
        ("- SECRET", None, "not a mapping"),
        ("clusters: []", None, "no current context"),
        ("current-context: a\nclusters: []\ncontexts: []\nusers: []", None, "no context 'a'; it has none"),
        ("contexts: [{name: a, context: {}}]", "b", "no context 'b'; it has a"),
    ],
)
def test_what_is_no_kubeconfig_is_refused_without_being_quoted(text: str, context: str | None, fault: str) -> None:
    with pytest.raises(ClusterError, match=f"kubeconfig: .*{fault}") as caught:
        connect(text, context)
    assert "SECRET" not in str(caught.value)


def test_a_full_disk_is_said_plainly_instead_of_the_log(tmp_path: Path) -> None:
    plane = ControlPlane("west", tmp_path)
    plane.log("etcd").parent.mkdir(parents=True)
    plane.log("etcd").write_text("wal: write failed: no space left on device\n", encoding="utf-8")
    assert plane.evidence("etcd").startswith(f"{tmp_path}: no space left on device; free some space there")


def test_a_disk_too_full_for_the_log_to_say_so_is_said_to_be_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = ControlPlane("west", tmp_path)
    plane.log("etcd").parent.mkdir(parents=True)
    plane.log("etcd").write_text("unable to write certificate to file /tm", encoding="utf-8")
    assert "no space" not in plane.evidence("etcd")
    usage = shutil.disk_usage(tmp_path)._replace(free=4096)
    monkeypatch.setattr("meshfleet.embedded.control_plane.shutil.disk_usage", lambda _: usage)
    assert plane.evidence("etcd").startswith(f"{tmp_path}: no space left on device; free some space there")


def test_damaged_notes_name_the_file_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshfleet.embedded.control_plane.link_tools", lambda *_: None)
    plane = ControlPlane("west", tmp_path)
    notes = tmp_path / "kwok" / "clusters" / "west" / "kwok.yaml"
    notes.parent.mkdir(parents=True)
    for text, reason in (("a: [", "ParserError"), ("components: [{name: etcd, args: []}]", "no kube-apiserver")):
        notes.write_text(text, encoding="utf-8")
        with pytest.raises(
            EmbeddedError, match=rf"kwok\.yaml: damaged \({reason}\); put that file back, or destroy cluster"
        ):
            plane.start(["etcd"], "v1.35.4")
