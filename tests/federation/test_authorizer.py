"""What the declaration allows is what RBAC's documentation says, held against a reference that spells it out."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings

from meshfleet.federation.identities.authorizer import Identity, allowed, of_account, of_user, of_users_account
from meshfleet.federation.identities.default_roles import EVERYTHING
from meshfleet.federation.identities.membership import groups_of, users_in
from meshfleet.federation.identities.policy import Request, allows, parts, uncovered
from meshfleet.topology.rbac.policy_rule import PolicyRule
from meshfleet.topology.system_names import AUTHENTICATED
from tests.federation.identified import CLUSTERS, GROUPS, REQUESTS, USERS, Config, fleet_with, identities, rules

pytestmark = pytest.mark.proof("users may do in each member what is declared", step=0)

REGIONS = {"west": "us", "east": "eu"}
PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}


def matches(patterns: list[str], value: str) -> bool:
    """Whether a value is one of those that patterns stand for; a `*` before a slash is one name."""
    spelled = (re.escape(one).replace(r"\*/", "[^/]+/").replace(r"\*", ".*") for one in patterns)
    return any(re.fullmatch(one, value) for one in spelled)


def granted(rule: Config, request: Request) -> bool:
    if not matches(rule["verbs"], request.verb):
        return False
    if request.path:
        return matches(rule.get("nonResourceURLs", []), request.path)
    names = rule.get("resourceNames") or ["*"]
    return (
        matches(rule.get("apiGroups", []), request.group)
        and matches(rule.get("resources", []), request.resource)
        and matches(names, request.name)
    )


def members(config: Config) -> dict[str, set[str]]:
    """The users of each group: those of inner ones are added until nothing changes."""
    found = {name: set(group["users"]) for name, group in config["groups"].items()}
    for _ in GROUPS:
        for name, group in config["groups"].items():
            found[name] |= set[str]().union(*(found[inner] for inner in group["groups"]))
    return found


def expected(config: Config, user: str, request: Request, cluster: str) -> bool:
    inside = members(config)
    for binding in config["bindings"].values():
        affinity = binding["clusterAffinity"]
        here = cluster in affinity.get("clusterNames", CLUSTERS) and REGIONS[cluster] in affinity.get(
            "regions", REGIONS.values()
        )
        has = user in binding["subjects"]["users"] or any(user in inside[one] for one in binding["subjects"]["groups"])
        holds = binding.get("allNamespaces") or request.namespace in binding.get("namespaces", ())
        if here and has and holds and any(granted(one, request) for one in config["roles"][binding["role"]]["rules"]):
            return True
    # What everybody may do of the questions here.
    return request == Request("get", path="/version")


@settings(max_examples=12, deadline=None)
@given(config=identities())
def test_users_may_do_what_the_documentation_of_rbac_says(config: Config) -> None:
    fleet = fleet_with(config)
    for user in USERS:
        known, account = of_user(fleet, user), of_users_account(user)
        for cluster in CLUSTERS:
            for request in REQUESTS:
                wanted = expected(config, user, request, cluster)
                assert allowed(fleet, known, request, cluster) == wanted, (user, request, cluster)
                assert allowed(fleet, account, request, cluster) == wanted, (user, request, cluster)
        # Without the groups that a provider names, a user whom a certificate names has the same.
        bare = Identity(known.username, (AUTHENTICATED,))
        assert all(
            allowed(fleet, bare, request, "west") == allowed(fleet, known, request, "west") for request in REQUESTS[::7]
        )


@settings(max_examples=20, deadline=None)
@given(config=identities())
def test_a_user_is_in_each_group_that_a_group_of_the_user_is_in(config: Config) -> None:
    declared = fleet_with(config).identities
    inside = members(config)
    for group in GROUPS:
        assert set(users_in(declared, [group])) == inside[group]
        # Of a group in a group a member of the inner one is found in both.
        assert {user for user in USERS if group in groups_of(declared, user)} == inside[group]


def rule(fields: Any) -> PolicyRule:
    return PolicyRule.model_validate(fields)


@settings(max_examples=50, deadline=None)
@given(owned=rules(), wanted=rules())
def test_what_is_covered_allows_nothing_that_is_not_owned(owned: Config, wanted: Config) -> None:
    first, second = rule(owned), rule(wanted)
    assert list(uncovered([second], [second])) == []
    assert list(uncovered(EVERYTHING, [second])) == []
    for request in REQUESTS:
        assert allows(second, request) == granted(wanted, request)
        assert allows(second, request) == any(allows(part, request) for part in parts(second))
        if not list(uncovered([first], [second])) and allows(second, request):
            assert allows(first, request)


def test_what_is_in_no_namespace_needs_a_binding_of_all() -> None:
    fleet = fleet_with(
        {
            "users": {"ada": {}},
            "roles": {"reader": {"rules": [PODS | {"resources": ["nodes", "namespaces"]}]}},
            "bindings": {"b": {"role": "reader", "subjects": {"users": ["ada"]}, "namespaces": ["shop"]}},
        }
    )
    ada = of_user(fleet, "ada")
    assert not allowed(fleet, ada, Request("get", "nodes"), "west")
    assert allowed(fleet, ada, Request("get", "namespaces", namespace="shop", name="shop"), "west")


def test_a_name_of_another_kind_of_subject_is_another_one() -> None:
    declared: Config = {
        "users": {"ada": {}, "staff": {}},
        "groups": {"staff": {"users": ["ada"]}},
        "serviceAccounts": {"ada": {"namespace": "shop"}},
        "roles": {"reader": {"rules": [PODS]}},
        "bindings": {"b": {"role": "reader", "subjects": {"groups": ["staff"]}, "namespaces": ["shop"]}},
    }
    fleet, read = fleet_with(declared), Request("get", "pods", namespace="shop")
    assert allowed(fleet, of_user(fleet, "ada"), read, "west")
    assert not allowed(fleet, of_user(fleet, "staff"), read, "west")
    assert not allowed(fleet, of_account("shop", "ada"), read, "west")


def test_roles_of_kubernetes_have_what_is_added_to_smaller_ones() -> None:
    declared: Config = {
        "users": {"ada": {}, "bruno": {}},
        "roles": {"widgets": {"rules": [PODS | {"resources": ["widgets"]}], "aggregateTo": ["view"]}},
        "bindings": {
            "a": {"role": "view", "subjects": {"users": ["ada"]}, "namespaces": ["shop"]},
            "b": {"role": "admin", "subjects": {"users": ["bruno"]}, "namespaces": ["shop"]},
        },
        "aggregateIstio": True,
    }
    fleet = fleet_with(declared)
    ada, bruno = of_user(fleet, "ada"), of_user(fleet, "bruno")
    for request, by_ada, by_bruno in (
        (Request("get", "widgets", namespace="shop"), True, True),
        (Request("list", "virtualservices", "networking.istio.io", "shop"), True, True),
        (Request("create", "virtualservices", "networking.istio.io", "shop"), False, True),
        (Request("get", "secrets", namespace="shop"), False, True),
        (Request("create", "rolebindings", "rbac.authorization.k8s.io", "shop"), False, True),
        (Request("get", "nodes"), False, False),
    ):
        assert allowed(fleet, ada, request, "west") == by_ada, request
        assert allowed(fleet, bruno, request, "west") == by_bruno, request
