"""What is wrong with identities once bindings are placed: each fault is named, and its advice leads to a good stack."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from meshfleet.federation.identities.authorizer import allowed, of_user
from meshfleet.federation.identities.authors import author_faults, cluster_role
from meshfleet.federation.identities.policy import Request
from meshfleet.manifests.addition_faults import checked
from meshfleet.topology import Fault, TopologyError, load
from meshfleet.topology.rbac.escalation import RBAC
from tests.federation.identified import NAMESPACES, REQUESTS, Config, config_with, fleet_with, identities
from tests.federation.test_authorizer import granted

pytestmark = pytest.mark.proof("no subject can grant more than the stack file says", step=0)

PODS: Config = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
SECRETS: Config = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
GOOD: Config = {
    "users": {"ada": {}, "bruno": {}, "carla": {}},
    "groups": {"operators": {"users": ["ada"]}},
    "serviceAccounts": {"deployer": {"namespace": "tools"}},
    "roles": {"reader": {"rules": [PODS]}, "keeper": {"rules": [PODS, SECRETS]}},
    "bindings": {
        "operators": {"role": "keeper", "subjects": {"groups": ["operators"]}, "namespaces": ["shop"]},
        "readers": {"role": "reader", "subjects": {"users": ["bruno"]}, "namespaces": ["shop"], "author": "ada"},
        "deployers": {"role": "edit", "subjects": {"serviceAccounts": ["deployer"]}, "namespaces": ["tools"]},
    },
}


def faults(**bindings: Any) -> list[Fault]:
    """What is wrong with the good identities, with other fields in bindings of these names."""
    return faults_of(changed(**bindings))


def changed(**bindings: Any) -> Config:
    found = copy.deepcopy(GOOD)
    for name, fields in bindings.items():
        found["bindings"][name] = {**found["bindings"].get(name, {}), **fields}
    return found


def faults_of(declared: Config, **sections: Any) -> list[Fault]:
    try:
        checked(load("x", config_with(declared) | sections))
    except TopologyError as error:
        return list(error.faults)
    return []


def test_the_identities_that_the_cases_change_are_good() -> None:
    assert faults_of(GOOD) == []


def test_a_selector_that_selects_no_cluster_says_why() -> None:
    (fault,) = faults(
        operators={"clusterAffinity": {"clusterNames": ["west"], "regions": ["eu"]}}, readers={"author": None}
    )
    assert fault.path == "identities.bindings.operators.clusterAffinity"
    assert fault.message.startswith("selects no cluster (west: region us is none of eu")


def test_a_namespace_that_a_cluster_does_not_have_is_named_with_the_cluster() -> None:
    elsewhere = {"namespaces": {"shop": {"clusters": ["west"]}, "tools": {}}}
    found = faults_of(GOOD, **elsewhere)
    assert [fault.path for fault in found] == [
        "identities.bindings.operators.namespaces[0]",
        "identities.bindings.readers.namespaces[0]",
    ]
    assert "the namespace shop does not exist in east" in found[0].message
    west = {"clusterAffinity": {"clusterNames": ["west"]}}
    assert faults_of(changed(operators=west, readers=west), **elsewhere) == []
    (account,) = faults_of(GOOD, namespaces={"shop": {}, "tools": {"clusters": ["east"]}})[1:]
    assert account.path == "identities.serviceAccounts.deployer.namespace"


def test_a_propagated_namespace_is_there() -> None:
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    propagations = {"own": {"resources": [{"object": made}]}}
    assert faults_of(GOOD, namespaces={"tools": {}}, propagations=propagations) == []


def test_an_author_grants_nothing_that_the_author_does_not_have() -> None:
    (fault,) = faults(readers={"namespaces": ["tools"]})
    assert fault.path == "identities.bindings.readers"
    assert "grants get pods in tools of west, which its author ada does not have there" in fault.message
    (fault,) = faults(readers={"author": "carla"})
    assert "its author carla" in fault.message
    (fault,) = faults(
        readers={"role": "edit"}, others={"role": "reader", "subjects": {"users": ["carla"]}, "namespaces": ["shop"]}
    )
    assert "grants " in fault.message
    assert " more" in fault.message
    # The advice: bind the author to it, or name none.
    given = {"role": "reader", "subjects": {"users": ["carla"]}, "namespaces": ["shop"]}
    assert faults(readers={"author": "carla"}, given=given) == []
    assert faults(readers={"author": None, "namespaces": ["tools"]}) == []


def test_an_author_may_not_grant_in_a_cluster_where_the_author_has_nothing() -> None:
    (fault,) = faults(operators={"clusterAffinity": {"clusterNames": ["west"]}})
    assert "in shop of east, which its author ada does not have" in fault.message
    assert (
        faults(
            operators={"clusterAffinity": {"clusterNames": ["west"]}}, readers={"clusterAffinity": {"regions": ["us"]}}
        )
        == []
    )


def test_authors_that_answer_for_each_other_gain_nothing() -> None:
    mine = {"role": "keeper", "namespaces": ["tools"]}
    found = faults(
        one=mine | {"subjects": {"users": ["bruno"]}, "author": "carla"},
        other=mine | {"subjects": {"users": ["carla"]}, "author": "bruno"},
        own=mine | {"subjects": {"users": ["ada"]}, "author": "ada"},
    )
    assert [fault.path.rpartition(".")[2] for fault in found] == ["one", "other", "own"]
    # What one of them has by a binding without an author goes on from one to the next.
    rooted = mine | {"subjects": {"users": ["carla"]}}
    assert faults(one=mine | {"subjects": {"users": ["bruno"]}, "author": "carla"}, rooted=rooted) == []


def test_who_may_bind_a_role_may_grant_it() -> None:
    declared = changed(readers={"role": "keeper", "author": "carla"})
    binder = {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["bind"]}
    declared["roles"]["binder"] = {"rules": [binder | {"resourceNames": ["meshfleet:keeper"]}], "allowEscalation": True}
    declared["bindings"]["binders"] = {"role": "binder", "subjects": {"users": ["carla"]}, "namespaces": ["shop"]}
    declared["roles"]["reader"]["aggregateTo"] = ["view"]
    assert faults_of(declared) == []
    declared["roles"]["binder"]["rules"][0]["resourceNames"] = ["meshfleet:reader"]
    assert [fault.path for fault in faults_of(declared)] == ["identities.bindings.readers"]


def test_a_role_with_an_author_allows_what_the_author_has_in_all_namespaces() -> None:
    declared = copy.deepcopy(GOOD)
    declared["roles"]["reader"]["author"] = "ada"
    (fault,) = faults_of(declared)
    assert fault.path == "identities.roles.reader"
    assert "which its author ada does not have in all namespaces of west" in fault.message
    everywhere = {"role": "reader", "subjects": {"users": ["ada"]}, "allNamespaces": True}
    declared["bindings"]["everywhere"] = everywhere
    assert faults_of(declared) == []


def test_an_account_that_the_fleet_makes_is_said_to_exist() -> None:
    workloads = {"web": {"namespace": "tools"}}
    declared = copy.deepcopy(GOOD)
    declared["serviceAccounts"]["deployer"]["name"] = "web"
    (fault,) = faults_of(declared, workloads=workloads)
    assert fault.path == "identities.serviceAccounts.deployer"
    assert "is an account that the fleet makes in west from workloads; set create: false" in fault.message
    declared["serviceAccounts"]["deployer"]["create"] = False
    assert faults_of(declared, workloads=workloads) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(config=identities(authors=True))
def test_nobody_gains_by_a_binding_what_its_author_does_not_have(config: Config) -> None:
    fleet = fleet_with(config)
    wrong = {fault.path for fault in author_faults(fleet)}
    assume(any("author" in binding for binding in config["bindings"].values()))
    for name, binding in config["bindings"].items():
        if "author" not in binding or f"identities.bindings.{name}" in wrong:
            continue
        author, granting = of_user(fleet, binding["author"]), config["roles"][binding["role"]]["rules"]
        places = ("", *NAMESPACES) if binding.get("allNamespaces") else binding["namespaces"]
        names = binding["clusterAffinity"].get("clusterNames") or (
            ["east"] if binding["clusterAffinity"] else ["west", "east"]
        )
        for request in REQUESTS:
            if request.namespace in places and any(granted(rule, request) for rule in granting):
                # Who may bind a role may grant what is in it without having it, as in an API server.
                where = "" if binding.get("allNamespaces") else request.namespace
                bind = Request("bind", "clusterroles", RBAC, where, cluster_role(binding["role"]))
                assert all(
                    allowed(fleet, author, request, cluster) or allowed(fleet, author, bind, cluster)
                    for cluster in names
                ), (name, request)
