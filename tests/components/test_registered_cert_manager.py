"""Intermediates of cert-manager: what is registered where, in which order, what is secret, how an issuer changes."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.rollout.deployed import Deployed, DeployedTrust
from meshfleet.rollout.root_rotation import with_bundles
from meshfleet.rollout.stages import stages
from meshfleet.topology import Fleet, load
from meshfleet.topology.cert_manager import CERT_MANAGER_RELEASE
from tests.components.registered_graph import Graph
from tests.components.registrations import SECRET, record
from tests.components.test_registered_issued import cacerts

pytestmark = pytest.mark.proof("intermediates that cert-manager issues", step=1)

FILE = "file-0123456789abcdef"
PARTS = ("trust-namespace", "cert-manager", "root-shop", "issuer-shop", "intermediate-west", "intermediate-east")


def config_of(trust: dict[str, Any], **hub: Any) -> dict[str, Any]:
    """Two clusters of a mesh, and a third one in a mesh of its own, which nobody reads."""
    clusters: dict[str, Any] = {name: {"embedded": {}, "network": name, "mesh": "shop"} for name in ("west", "east")}
    clusters["hub"] = {"embedded": {}, "network": "hub", "mesh": "operations"} | hub
    return {
        "host": "hub",
        "networks": {name: {} for name in clusters},
        "clusters": clusters,
        "meshes": {"shop": {"trust": trust}, "operations": {}},
    }


def fleet(trust: dict[str, Any], **hub: Any) -> Fleet:
    """The fleet of it."""
    return load("issuing", config_of(trust, **hub))


@pytest.fixture(scope="module")
def graph() -> Graph:
    return record(fleet({"issuer": "cert-manager"}))


def test_all_of_it_is_in_the_cluster_that_nobody_reads(graph: Graph) -> None:
    assert {f"hub/{part}" for part in PARTS} <= graph.names()
    assert not {f"{cluster}/{part}" for cluster in ("west", "east") for part in PARTS} & graph.names()
    assert graph["hub/intermediate-west"].inputs["spec"]["issuerRef"]["name"] == "root-shop-first"
    assert graph["hub/issuer-shop"].inputs["metadata"]["name"] == "root-shop-first"
    assert "shop/intermediate" not in graph.names()
    assert {"west/issued-by-cert-manager", "hub/intermediate"} <= graph.names()


def test_the_root_and_its_key_are_there_and_secret(graph: Graph) -> None:
    secret = graph["hub/root-shop"]
    assert SECRET.items() <= secret.inputs["data"].items()
    assert "data" in secret.secret_outputs
    assert "privateKey" in graph["west/issued-by-cert-manager"].secret_outputs
    assert SECRET.items() <= graph["west/issued-by-cert-manager"].inputs["kubeconfig"].items()


def test_each_thing_comes_after_what_it_needs(graph: Graph) -> None:
    def after(name: str, *others: str) -> None:
        missing = {graph[other].urn for other in others} - graph[name].after
        assert not missing, (name, missing)

    after("hub/cert-manager-ready", "hub/trust-namespace", "hub/cert-manager")
    after("hub/issuer-shop", "hub/root-shop", "hub/cert-manager-ready")
    after("hub/intermediate-west", "hub/issuer-shop")
    after("west/issued-by-cert-manager", "hub/intermediate-west")
    after("west/cacerts", "west/issued-by-cert-manager")


def test_what_is_issued_is_what_istiod_signs_with(graph: Graph) -> None:
    assert cacerts(graph, "west")["ca-key.pem"] == "CONFIDENTIAL privateKey of west/issued-by-cert-manager"
    assert cacerts(graph, "east")["cert-chain.pem"] == "certificateChain of east/issued-by-cert-manager"


def test_one_that_is_there_is_asked_and_not_installed() -> None:
    graph = record(fleet({"issuer": "cert-manager", "certManager": {"install": False}}))
    assert "hub/cert-manager" not in graph.names()
    assert graph["hub/cert-manager-ready"].inputs["process"] is False
    assert {"hub/trust-namespace", "hub/intermediate-west"} <= graph.names()


def among_real_pods(**cert_manager: Any) -> Fleet:
    """The same mesh, and a hub that is there already, whose pods are real."""
    made: dict[str, Any] = {"kubeconfig": "kubeconfig.yaml", "context": "hub"}
    config = config_of({"issuer": "cert-manager", "certManager": cert_manager})
    config["clusters"]["hub"] = {"existing": made, "network": "hub", "mesh": "operations"}
    return load("issuing", config)


@pytest.mark.parametrize(
    ("images", "chart"),
    [("built", ".meshfleet/cert-manager-pods"), ("published", "oci://quay.io/jetstack/charts/cert-manager")],
)
def test_in_containers_its_own_chart_is_installed_wherever_images_come_from(images: str, chart: str) -> None:
    config = config_of({"issuer": "cert-manager", "certManager": {"values": {"replicaCount": 2}}})
    config["clusters"]["hub"] = {"kind": {"images": images}, "network": "hub", "mesh": "operations"}
    graph = record(load("issuing", config))
    release = graph["hub/cert-manager"]
    assert graph["hub/cert-manager-ready"].inputs["process"] is False
    assert (release.inputs["chart"], release.inputs["skipAwait"]) == (chart, False)
    assert release.inputs["values"]["replicaCount"] == 2
    # In nodes that were made of an older image too.
    later = graph["hub/nodes"].inputs.get("laterImages", [])
    assert [name.partition(":")[2] for name in later] == ([f"v{CERT_MANAGER_RELEASE}"] * 3 if images == "built" else [])


def test_beside_an_embedded_cluster_it_is_a_process(graph: Graph) -> None:
    assert graph["hub/cert-manager-ready"].inputs["process"] is True
    assert graph["hub/cert-manager"].inputs["chart"] == ".meshfleet/cert-manager"
    assert graph["hub/cert-manager"].inputs["values"].keys() == {"global"}


def test_where_pods_are_real_its_chart_is_installed_before_it_is_asked() -> None:
    graph = record(among_real_pods())
    release, ready = graph["hub/cert-manager"], graph["hub/cert-manager-ready"]
    assert release.inputs["chart"] == "oci://quay.io/jetstack/charts/cert-manager"
    assert (release.inputs["version"], release.inputs["namespace"]) == ("v1.21.2", "meshfleet-trust")
    assert release.inputs["skipAwait"] is False
    values = release.inputs["values"]
    assert values["crds"] == {"enabled": True, "keep": False}
    assert values["enableCertificateOwnerRef"] is True
    assert values["global"]["leaderElection"] == {"namespace": "meshfleet-trust"}
    assert ready.inputs["process"] is False
    assert release.urn in ready.after


@pytest.mark.parametrize(
    ("declared", "chart", "more"),
    [
        (
            {"charts": {"repository": "https://charts.example"}, "version": "1.20.1"},
            "cert-manager",
            {"version": "v1.20.1", "repositoryOpts": {"repo": "https://charts.example"}},
        ),
        ({"charts": {"folder": "/charts"}}, "/charts/cert-manager", {}),
        ({"values": {"replicaCount": 2, "crds": {"keep": True}}}, "oci://quay.io/jetstack/charts/cert-manager", {}),
    ],
)
def test_its_chart_comes_from_where_the_stack_says_with_its_values(
    declared: dict[str, Any], chart: str, more: dict[str, Any]
) -> None:
    inputs = record(among_real_pods(**declared))["hub/cert-manager"].inputs
    assert inputs["chart"] == chart
    assert more.items() <= inputs.items()
    assert inputs["values"].get("replicaCount") == declared.get("values", {}).get("replicaCount")
    assert inputs["values"]["crds"] == {"enabled": True, "keep": "values" in declared}


def test_the_issuer_changes_under_the_same_root_without_a_rotation() -> None:
    target = fleet({"issuer": "cert-manager"})
    assert not stages(Deployed({"shop": DeployedTrust(("first",), ("first",))}), target)[0].name
    built = record(fleet({}))
    assert not [name for name in built.names() if "cert-manager" in name or name == "hub/trust-namespace"]


def test_another_root_goes_in_stages_and_cert_manager_holds_only_the_key_of_the_one_that_signs() -> None:
    target = fleet({"issuer": "cert-manager", "roots": ["second"]})
    deployed = Deployed({mesh: DeployedTrust(("first",), ("first",)) for mesh in ("shop", "operations")})
    signing = []
    for stage in stages(deployed, target):
        assert stage.fleet is not None
        signing.append(stage.fleet.meshes["shop"].trust.bundle)
        graph = record(stage.fleet)
        assert graph["hub/root-shop"].inputs["metadata"]["name"] == f"root-shop-{signing[-1][0]}"
    assert signing == [("first", "second"), ("second", "first"), ("second",)]


def test_until_a_root_of_the_stack_signs_cert_manager_issues_nothing_and_the_files_of_before_stay() -> None:
    target = fleet({"issuer": "cert-manager"})
    both = record(with_bundles({"shop": (FILE, "first")})(target))
    assert "hub/root-shop" not in both.names()
    assert both["west/issued-intermediate"].ignored == {"certificate", "certificateChain", "privateKey"}
    signs = record(with_bundles({"shop": ("first", FILE)})(target))
    assert {"hub/root-shop", "west/issued-by-cert-manager"} <= signs.names()
    assert "west/issued-intermediate" not in signs.names()
