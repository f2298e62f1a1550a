"""Whom `identities` bind something to comes through the portal, where it is bound, without being declared twice."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.identities.portal_access import PortalPlace, portal_in
from meshfleet.manifests import cluster_plan
from meshfleet.manifests.portal import subjects
from meshfleet.topology import Fleet, TopologyError, load
from tests.manifests.plans import objects

pytestmark = pytest.mark.proof("The API portal", step=0)

PODS: dict[str, Any] = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
IDENTITIES: dict[str, Any] = {
    "oidc": {"usernamePrefix": "oidc:"},
    "users": {"ada": {"name": "ada@shop.example"}, "bruno": {}},
    "groups": {"staff": {"users": ["bruno"], "groups": ["operators"]}, "operators": {"users": ["ada"]}},
    "serviceAccounts": {"deployer": {"namespace": "shop"}},
    "roles": {"reader": {"rules": [PODS]}},
    "bindings": {
        "readers": {
            "role": "reader",
            "subjects": {"groups": ["staff"], "serviceAccounts": ["deployer"]},
            "namespaces": ["shop"],
            "clusterAffinity": {"clusterNames": ["ohio"]},
        }
    },
}


def fleet(**sections: Any) -> Fleet:
    clusters: dict[str, Any] = {name: {"embedded": {}, "network": name} for name in ("paris", "ohio")}
    config: dict[str, Any] = {"host": "paris", "clusters": clusters, "networks": {"paris": {}, "ohio": {}}}
    return load("portal", config | {"namespaces": {"shop": {}}, "identities": IDENTITIES} | sections)


def test_who_is_bound_in_a_cluster_may_come_there_and_nowhere_else() -> None:
    made = fleet(portal={"users": ["carol"]})
    there = subjects(made, "ohio")
    assert there.users == {"carol": (), "oidc:ada@shop.example": ("operators", "staff"), "oidc:bruno": ("staff",)}
    assert set(there.groups) == {"staff", "operators"}
    accounts = {("shop", "deployer"), ("meshfleet-users", "ada"), ("meshfleet-users", "bruno")}
    assert set(there.service_accounts) == accounts
    assert (dict(subjects(made, "paris").users), subjects(made, "paris").service_accounts) == ({"carol": ()}, ())


def test_the_host_of_a_portal_has_the_accounts_of_all_users_whose_tokens_it_takes() -> None:
    assert {"ada", "bruno"} <= accounts_in(fleet(portal={"addresses": ["127.0.0.1"]}), "ohio")
    assert accounts_in(fleet(portal={"hostAccounts": True}), "paris") >= {"ada", "bruno"}
    # Without a portal that takes their tokens an account is only where something is bound.
    provider = {"issuer": "https://login.example", "audiences": ["a"], "jwksUri": "https://login.example/keys"}
    for sections in ({}, {"portal": {"hostAccounts": False, "oidc": {"login": provider}}}):
        assert accounts_in(fleet(**sections), "paris") & {"ada", "bruno"} == set()


def accounts_in(made: Fleet, cluster: str) -> set[str]:
    return {
        body["metadata"]["name"]
        for body in objects(cluster_plan(made, cluster))
        if body["kind"] == "ServiceAccount" and body["metadata"].get("namespace") == "meshfleet-users"
    }


def test_a_name_that_no_header_can_have_is_refused_with_a_portal() -> None:
    people = IDENTITIES | {"users": {"ada": {"name": "adá"}, "bruno": {}}}
    fleet(identities=people)
    with pytest.raises(TopologyError) as refused:
        fleet(identities=people, portal={"users": ["carol"]})
    assert [fault.path for fault in refused.value.faults] == ["identities.users.ada"]


@pytest.mark.parametrize(
    "outputs",
    [
        {},
        {"portal": None},
        {"portal": {"url": ""}},
        {"portal": {"url": 1, "certificateAuthority": "a"}},
        {"portal": []},
    ],
)
def test_a_stack_without_an_address_of_the_portal_has_none(outputs: dict[str, Any]) -> None:
    assert portal_in(outputs) is None


def test_the_portal_of_a_stack_is_what_its_outputs_say() -> None:
    found = portal_in({"portal": {"url": "https://127.0.0.1:1", "certificateAuthority": "pem"}})
    assert found == PortalPlace("https://127.0.0.1:1", "pem")
