"""With the engine karmada: what is registered in its API server and in each cluster, in which order, what is secret."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.components.karmada import credentials_of, distinct_id
from meshfleet.components.kubeconfig_file import kubeconfig_files
from meshfleet.errors import ClusterError
from meshfleet.topology import Discovery, Fleet, TopologyError, load
from tests.components.registered_graph import Graph
from tests.components.registrations import SECRET, record
from tests.federation.karmada_declarations import stack

pytestmark = pytest.mark.proof("a control plane of Karmada gets what the direct engine would do", step=1)

NAMES = ("a-kind-and-its-object", "static-weights", "by-name")
IDENTITIES: dict[str, Any] = {
    "users": {"alice": {}, "bob": {}},
    "groups": {"devs": {"users": ["alice"]}, "staff": {"groups": ["devs"]}},
    "roles": {"reader": {"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]}},
    "bindings": {
        "staff": {
            "role": "reader",
            "subjects": {"groups": ["staff"]},
            "clusterAffinity": {"clusterNames": ["west"]},
            "namespaces": ["shop"],
        },
        "bob": {
            "role": "reader",
            "subjects": {"users": ["bob"]},
            "clusterAffinity": {"clusterNames": ["east"]},
            "namespaces": ["shop"],
        },
    },
}


def fleet(*names: str, **more: Any) -> Fleet:
    return load("shop", stack(*names) | more)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return record(fleet(*NAMES))


@pytest.fixture(scope="module")
def with_people() -> Graph:
    return record(fleet("by-name", identities=IDENTITIES))


def in_karmada(graph: Graph) -> set[str]:
    return {one.name for one in graph.custom if one.provider.rpartition("::")[0].endswith("::west/karmada")}


def test_clusters_get_an_account_and_no_propagated_object(graph: Graph) -> None:
    for cluster in ("west", "east", "north"):
        assert {f"{cluster}/karmada-{what}" for what in ("namespace", "account", "token", "role")} <= graph.names()
    assert not [name for name in graph.names() if "/propagation-" in name]


def test_templates_and_policies_are_in_the_api_server_of_karmada(graph: Graph) -> None:
    found = in_karmada(graph)
    assert {name for name in graph.names() if "/karmada-template-" in name} <= found
    assert {"west/karmada-cluster-west", "west/karmada-cluster-north", "west/karmada-namespace-shop"} <= found
    assert not [name for name in found if name.endswith(("/karmada-namespace", "/karmada-account", "/karmada-role"))]
    # What is there does not end with the host.
    assert all(not graph[name].deleted_with for name in found)


def test_objects_wait_for_their_policies_and_for_karmada_to_know_the_clusters(graph: Graph) -> None:
    (basket,) = (name for name in graph.names() if "/karmada-template-a-kind-and-its-object-basket" in name)
    (definition,) = (name for name in graph.names() if "/karmada-template-a-kind-and-its-object-custom" in name)
    waits = graph.waits_for(basket)
    assert {"west/karmada-defined", "west/karmada-joined", definition} <= waits
    assert {basket.replace("template", "policy"), basket.replace("template", "overrides")} <= waits
    assert {f"west/karmada-cluster-{name}" for name in ("west", "east", "north")} <= waits
    assert "west/karmada-defined" not in graph.waits_for(definition)
    kinds = graph["west/karmada-defined"].inputs["kinds"]
    assert kinds == {name: ["shop.example/v1/Basket"] for name in ("west", "east", "north")}
    assert graph["west/karmada-joined"].inputs["kinds"]["west"] == [
        "apiextensions.k8s.io/v1/CustomResourceDefinition",
        "apps/v1/Deployment",
    ]


def test_a_cluster_comes_with_its_token_as_a_secret_and_its_identity(graph: Graph) -> None:
    spec = graph["west/karmada-cluster-east"].inputs["spec"]
    assert spec["id"] == "uid of east/karmada-identity"
    assert spec["apiEndpoint"] == "https://127.0.0.1/east/processes"
    assert "impersonatorSecretRef" not in spec
    secret = graph["west/karmada-credentials-east"]
    assert SECRET.items() <= secret.inputs["data"].items()
    assert "data" in secret.secret_outputs
    assert {"east/karmada-token", "east/karmada-role-binding"} <= graph.waits_for("west/karmada-cluster-east")


def test_the_account_may_write_what_is_propagated_and_nothing_else(graph: Graph) -> None:
    written: set[tuple[str, str]] = set()
    for rule in graph["east/karmada-role"].inputs["rules"]:
        assert "*" not in (*rule["verbs"], *rule.get("resources", ()), *rule.get("apiGroups", ()))
        if set(rule["verbs"]) - {"get", "list", "watch"}:
            written |= {(group, name) for group in rule["apiGroups"] for name in rule["resources"]}
    assert written == {
        ("", "configmaps"),
        ("apps", "deployments"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("shop.example", "baskets"),
    }


def test_people_may_come_to_the_clusters_they_are_bound_in_with_every_group(with_people: Graph) -> None:
    def subjects(cluster: str) -> set[tuple[str, str]]:
        bound = with_people[f"west/karmada-proxy-binding-{cluster}"].inputs["subjects"]
        return {(one["kind"], one["name"]) for one in bound}

    role = with_people["west/karmada-proxy-west"].inputs["rules"]
    assert [rule["resourceNames"] for rule in role] == [["west"]]
    assert subjects("west") == {("User", "alice"), ("Group", "devs"), ("Group", "staff")}
    assert subjects("east") == {("User", "bob")}
    assert "west/karmada-proxy-north" not in with_people.names()
    secrets = with_people["west/karmada-cluster-west"].inputs["spec"]["impersonatorSecretRef"]
    assert secrets == {"namespace": "karmada-cluster", "name": "west-impersonator"}
    assert "west/karmada-impersonator-role" in with_people.names()


def test_two_clusters_that_are_the_same_one_are_refused() -> None:
    assert distinct_id("west", {"west": "1", "east": "2"}) == "1"
    with pytest.raises(ClusterError, match="west is the same cluster as east"):
        distinct_id("west", {"west": "1", "east": "1"})


def test_a_token_secret_without_a_token_says_how_to_get_one() -> None:
    with pytest.raises(ClusterError, match="run meshfleet up --refresh"):
        credentials_of("west", "karmada-west", Discovery(), {})


def test_a_kubeconfig_that_is_not_there_is_named_before_anything_is_registered() -> None:
    with pytest.raises(TopologyError, match=r"federation\.karmada\.kubeconfig: there is no file karmada\.yaml"):
        kubeconfig_files(fleet("by-name"))
