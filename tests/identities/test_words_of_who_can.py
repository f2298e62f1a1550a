"""The words of `who-can`: what `kubectl` takes for a resource is one here, and what no request can have is refused."""

from __future__ import annotations

import pytest

from meshfleet.cli.identities import _asked
from meshfleet.federation.identities.policy import Request
from meshfleet.federation.identities.resources import in_no_namespace, resource_of
from meshfleet.topology import Fleet, TopologyError
from tests.federation.identified import Config, fleet_with

pytestmark = pytest.mark.proof("users may do in each member what is declared", step=0)

RULES: list[Config] = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
    {"apiGroups": ["shop.example"], "resources": ["baskets", "baskets/items", "alloys"], "verbs": ["get"]},
]
DECLARED: Config = {
    "users": {"ada": {}},
    "roles": {"reader": {"rules": RULES}},
    "bindings": {"all": {"role": "reader", "subjects": {"users": ["ada"]}, "namespaces": ["shop"]}},
}


@pytest.fixture
def fleet() -> Fleet:
    return fleet_with(DECLARED)


RESOURCES = {
    "pods": ("", "pods"),
    "pods/log": ("", "pods/log"),
    "pod": ("", "pods"),
    "po": ("", "pods"),
    "Pods": ("", "pods"),
    "ConfigMap": ("", "configmaps"),
    "svc": ("", "services"),
    "endpoints": ("", "endpoints"),
    "deployments": ("apps", "deployments"),
    "deploy/scale": ("apps", "deployments/scale"),
    "deployments.apps/scale": ("apps", "deployments/scale"),
    "deployments.v1.apps": ("apps", "deployments"),
    "deployment.v1.apps/scale": ("apps", "deployments/scale"),
    "pods.v1.": ("", "pods"),
    "pods.v1": ("", "pods"),
    "horizontalpodautoscalers.v2beta1.autoscaling": ("autoscaling", "horizontalpodautoscalers"),
    "networkpolicy": ("networking.k8s.io", "networkpolicies"),
    "networkpolicies": ("networking.k8s.io", "networkpolicies"),
    "ingress": ("networking.k8s.io", "ingresses"),
    "ing": ("networking.k8s.io", "ingresses"),
    "nodes": ("", "nodes"),
    "no/proxy": ("", "nodes/proxy"),
    "events": ("", "events"),
    "users": ("", "users"),
    "userextras/scopes.example": None,
    "userextras/scopes": ("authentication.k8s.io", "userextras/scopes"),
    "signers": ("certificates.k8s.io", "signers"),
    "selfsubjectaccessreviews": ("authorization.k8s.io", "selfsubjectaccessreviews"),
    "virtualservices": ("networking.istio.io", "virtualservices"),
    "widgets.shop.example": ("shop.example", "widgets"),
    "basket": ("shop.example", "baskets"),
    "baskets/items": ("shop.example", "baskets/items"),
    "alloy": ("shop.example", "alloys"),
    "*": ("*", "*"),
    "*/scale": ("*", "*/scale"),
    "*.apps": ("apps", "*"),
    "gateways": None,
    "widgets": None,
    "deployments/scale.apps": None,
    "": None,
    "pods,services": None,
}


@pytest.mark.parametrize(("text", "expected"), RESOURCES.items())
def test_a_resource_is_in_the_group_that_has_it(fleet: Fleet, text: str, expected: tuple[str, str] | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match=r"; write it "):
            resource_of(text, fleet.identities)
    else:
        assert resource_of(text, fleet.identities) == expected


def test_a_resource_of_several_groups_is_written_with_each(fleet: Fleet) -> None:
    with pytest.raises(ValueError, match=r"gateways\.gateway\.networking\.k8s\.io or gateways\.networking\.istio\.io"):
        resource_of("gateway", fleet.identities)


# Verb, resource, namespace, name: what is wrong.
REFUSED = {
    ("GET", "pods", "", ""): "VERB",
    ("", "pods", "", ""): "VERB",
    ("get,list", "pods", "", ""): "VERB",
    ("get", "pods/web", "shop", ""): "RESOURCE",
    ("get", "pods/", "", ""): "RESOURCE",
    ("get", "pods ", "", ""): "RESOURCE",
    ("get", "pods/log/x", "", ""): "RESOURCE",
    ("get", "nodes", "shop", ""): "--namespace",
    ("get", "no", "shop", ""): "--namespace",
    ("get", "clusterroles", "shop", ""): "--namespace",
    ("impersonate", "users", "shop", ""): "--namespace",
    ("get", "pods", "Shop", ""): "--namespace",
    ("get", "pods", "*", ""): "--namespace",
    ("get", "pods", "a/b", ""): "--namespace",
    ("get", "pods", "shop", "a/b"): "--name",
    ("get", "pods", "shop", "a b"): "--name",
    ("get", "pods", "shop", ".."): "--name",
    ("get", "/healthz?verbose", "", ""): "RESOURCE",
    ("get", "/healthz", "shop", ""): "RESOURCE",
    ("get", "/a b", "", ""): "RESOURCE",
}


@pytest.mark.parametrize(("words", "path"), REFUSED.items())
def test_words_that_no_request_can_have_are_refused(fleet: Fleet, words: tuple[str, str, str, str], path: str) -> None:
    with pytest.raises(TopologyError) as refused:
        _asked(fleet, *words, ())
    (fault,) = refused.value.faults
    assert fault.path == path
    assert "; " in str(fault)


def test_words_of_a_request_become_one(fleet: Fleet) -> None:
    names = tuple(fleet.clusters)
    for words, expected in {
        ("get", "pods/log", "shop", "web"): Request("get", "pods/log", "", "shop", "web"),
        ("*", "*", "", ""): Request("*", "*", "*"),
        ("get", "baskets/items", "", ""): Request("get", "baskets/items", "shop.example"),
        ("get", "things.other.example/any", "", ""): Request("get", "things/any", "other.example"),
        # To authorizers a namespace is in itself.
        ("get", "ns", "shop", "shop"): Request("get", "namespaces", "", "shop", "shop"),
        ("get", "clusterroles", "", "system:node"): Request(
            "get", "clusterroles", "rbac.authorization.k8s.io", "", "system:node"
        ),
        ("get", "/metrics", "", ""): Request("get", path="/metrics"),
    }.items():
        assert _asked(fleet, *words, ()) == (expected, names)
    assert _asked(fleet, "get", "pods", "", "", [names[0], names[0]])[1] == (names[0],)
    assert not in_no_namespace("other.example", "nodes")
