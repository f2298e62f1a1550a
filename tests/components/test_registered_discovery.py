"""How peers read a cluster: under the address and name they are told, with the token of the generation asked for."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshfleet.components.kubeconfig_file import kubeconfig_files
from meshfleet.topology import TopologyError, load
from tests.components.fleets import CONFIGURATIONS, in_one_mesh
from tests.components.registered_graph import Graph, Resource
from tests.components.registrations import record
from tests.tls_proxy import new_authority

pytestmark = pytest.mark.proof("a reader token is renewed while peers always hold a good one", step=1)

KEY = "-----BEGIN PRIVATE KEY-----\nxyzzy\n-----END PRIVATE KEY-----\n"
NAME = "istio-reader-service-account-istio-remote-secret-token"


def kubeconfig(graph: Graph, reader: str, cluster: str) -> dict[str, Any]:
    """What the control plane of `reader` reads `cluster` with."""
    data = graph[f"{reader}/remote-secrets"].inputs["data"]["value"]
    found: dict[str, Any] = json.loads(base64.b64decode(data[cluster]))
    return found


def generation(number: int) -> Graph:
    """The registrations of a fleet whose cluster `west` has this generation of its token."""
    clusters: dict[str, dict[str, Any]] = {
        "west": {"embedded": {}, "discovery": {"token": number}},
        "east": {"embedded": {}},
    }
    return record(load("rotation", in_one_mesh(clusters)))


def test_peers_are_given_the_server_and_the_name_of_the_stack_file(graph_of: Callable[[str], Graph]) -> None:
    (found,) = kubeconfig(graph_of("settings"), "east", "west")["clusters"]
    assert found["cluster"]["server"] == "https://localhost:6443"
    assert found["cluster"]["tls-server-name"] == "kubernetes.default.svc"


def test_a_cluster_that_says_nothing_is_read_as_the_stack_itself_reaches_it(graph_of: Callable[[str], Graph]) -> None:
    (found,) = kubeconfig(graph_of("settings"), "west", "east")["clusters"]
    assert found["cluster"]["server"] == "https://east.example:6443"
    assert "tls-server-name" not in found["cluster"]


def test_peers_are_given_the_authority_of_the_stack_file_as_text_or_by_its_path(tmp_path: Path) -> None:
    made = new_authority(tmp_path)
    pem = made.certificate.read_text(encoding="utf-8")
    for given in (pem, str(made.certificate)):
        clusters: dict[str, dict[str, Any]] = {
            "west": {"embedded": {}, "discovery": {"certificateAuthority": given}},
            "east": {"embedded": {}},
        }
        graph = record(load("authority", in_one_mesh(clusters)))
        (found,) = kubeconfig(graph, "east", "west")["clusters"]
        assert base64.b64decode(found["cluster"]["certificate-authority-data"]).decode() == pem
        # The other way around nothing changes.
        (own,) = kubeconfig(graph, "west", "east")["clusters"]
        assert own["cluster"]["certificate-authority-data"] != found["cluster"]["certificate-authority-data"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no file '"), ("no certificate", "is not a certificate in PEM"), (KEY, "contains a secret")],
)
def test_a_file_that_holds_no_authority_is_named_by_its_field(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    cluster: dict[str, Any] = {"embedded": {}, "discovery": {"certificateAuthority": str(path)}}
    with pytest.raises(TopologyError) as caught:
        kubeconfig_files(load("authority", in_one_mesh({"west": cluster})))
    (fault,) = caught.value.faults
    assert fault.path == "clusters.west.discovery.certificateAuthority"
    assert said in fault.message
    assert "xyzzy" not in fault.message


def test_the_secret_of_a_control_plane_waits_until_its_clusters_were_read(graph_of: Callable[[str], Graph]) -> None:
    graph = graph_of("settings")
    tried = graph["east/remote-clusters"]
    assert tried.urn in graph["east/remote-secrets"].after
    assert tried.inputs["explicitServers"] == ["west"]
    assert tried.inputs["localIstiod"] is True
    assert set(tried.inputs["kubeconfigs"]["value"]) == {"west"}


def test_an_external_istiod_reaches_its_config_cluster_as_peers_do() -> None:
    config = copy.deepcopy(CONFIGURATIONS["external-hosted-twice"])
    config["clusters"]["bank"]["discovery"] = {"server": "https://bank.example:6443", "tlsServerName": "api.bank"}
    graph = record(load("external", config))
    for cluster, server, name in (
        ("bank", "https://bank.example:6443", "api.bank"),
        ("shop", "https://127.0.0.1/shop/processes", None),
    ):
        data = graph[f"operations/external-{cluster}-kubeconfig"].inputs["data"]["value"]
        (found,) = json.loads(base64.b64decode(data["config"]))["clusters"]
        assert (found["cluster"]["server"], found["cluster"].get("tls-server-name")) == (server, name)


def test_the_stack_itself_goes_on_with_its_own_address(graph_of: Callable[[str], Graph]) -> None:
    exported = graph_of("settings").outputs["fleet"]["clusters"]
    assert {cluster["name"]: cluster["server"] for cluster in exported}["west"].startswith("https://127.0.0.1/")


def test_the_first_generation_is_what_a_stack_without_one_has() -> None:
    without = record(load("rotation", in_one_mesh({"west": {"embedded": {}}, "east": {"embedded": {}}})))
    first = generation(1)
    assert {urn: found.inputs for urn, found in first.resources.items()} == {
        urn: found.inputs for urn, found in without.resources.items()
    }
    assert first["west/reader-token"].inputs["metadata"]["name"] == NAME


def test_a_later_generation_is_another_secret_under_the_same_logical_name() -> None:
    first, second = generation(1), generation(2)
    assert second["west/reader-token"].inputs["metadata"]["name"] == f"{NAME}-2"
    # The same resource to the engine, which therefore deletes the old Secret only where the new one could be made,
    assert second["west/reader-token"].urn == first["west/reader-token"].urn
    # and not before: what is replaced under another name is created first.
    assert second["west/reader-token"].delete_before_replace is False
    assert second.names() == first.names()


def test_only_the_cluster_whose_generation_is_raised_is_registered_otherwise() -> None:
    first, second = generation(1), generation(2)

    def others(graph: Graph) -> dict[str, Any]:
        return {urn: found.inputs for urn, found in graph.resources.items() if found.name != "west/reader-token"}

    assert others(first) == others(second)


def test_peers_wait_for_the_new_token_and_the_old_secret_for_nothing() -> None:
    graph = generation(2)
    remote: Resource = graph["east/remote-secrets"]
    token = graph["west/reader-token"].urn
    # An edge by property: the new token changes the peers' Secret, and its old state keeps the old Secret.
    assert token in remote.property_dependencies["data"]
    assert token in remote.after
