"""A cluster that knows its sender otherwise through the portal than the host does is named, with what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from meshfleet.identities.portal_access import PortalPlace
from meshfleet.topology import Fleet, load
from meshfleet.topology.rbac.identities import USERS_NAMESPACE
from meshfleet.verification import FleetView
from meshfleet.verification.checks import Portal
from meshfleet.verification.checks.portal import MASTERS, Answer, Answers, accounts, judge

pytestmark = pytest.mark.proof("The API portal", step=0)

PLACE = PortalPlace("https://127.0.0.1:8443", "pem")
ADA = Answer(201, "system:serviceaccount:shop:ada", ("system:authenticated",))
NOBODY = Answer(401, message="there is no client certificate")
GOOD = Answers(ADA, ADA, ADA, NOBODY)


def test_sender_that_is_the_same_everywhere_passes_with_evidence() -> None:
    finding = judge("ohio", PLACE, GOOD)
    assert finding.passed
    assert finding.detail == (
        "ohio knows system:serviceaccount:shop:ada as the host does, also with forged Impersonate-* headers; "
        "ohio refuses a request with forged Impersonate-* headers and no credentials (401)"
    )
    alone = judge("ohio", PLACE, Answers(None, None, None, NOBODY))
    assert (alone.passed, "no account of the host" in alone.detail) == (True, True)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (replace(GOOD, anonymous=Answer(201, "root")), "answers 201 in place of 401 to a request without credentials"),
        (replace(GOOD, own=Answer(503, message='cluster "ohio" is not reachable')), 'cluster "ohio" is not reachable'),
        (replace(GOOD, own=Answer(403, message="cannot impersonate")), "answers 403 through the portal to system:"),
        (replace(GOOD, own=Answer(201, "bob")), "knows system:serviceaccount:shop:ada as bob"),
        (replace(GOOD, forged=Answer(201, "root")), "forged Impersonate-* headers make system:serviceaccount"),
        (replace(GOOD, forged=replace(ADA, groups=(MASTERS,))), "with groups system:masters"),
        (replace(GOOD, forged=Answer(503)), "make system:serviceaccount:shop:ada 503"),
    ],
)
def test_other_answers_fail_with_what_came_and_what_to_do(found: Answers, words: str) -> None:
    finding = judge("ohio", PLACE, found)
    assert not finding.passed
    assert words in finding.detail
    assert "run meshfleet up" in finding.detail


def test_clusters_of_a_stack_with_a_portal_are_asked(fleet: FleetView) -> None:
    asked = made([one.name for one in fleet.clusters][:2])
    assert Portal().targets(replace(fleet, declared=asked)) == ()
    assert Portal().targets(replace(fleet, portal=PLACE)) == ()
    assert [one.name for one in Portal().targets(replace(fleet, portal=PLACE, declared=asked))] == [*asked.clusters]


def test_accounts_of_users_come_first_and_none_without_them() -> None:
    assert accounts(made(["paris", "ohio"]), "ohio") == [(USERS_NAMESPACE, "ada"), ("shop", "deployer")]
    provider = {
        "issuer": "https://login.example.com",
        "audiences": ["portal"],
        "jwksUri": "https://login.example.com/k",
    }
    assert accounts(made(["paris", "ohio"], hostAccounts=False, oidc={"login": provider}), "ohio") == []


def made(clusters: list[str], **portal: Any) -> Fleet:
    """A fleet of these clusters, in all of which something is bound to ada."""
    pods = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    binding = {"role": "reader", "subjects": {"users": ["ada"]}, "namespaces": ["shop"]}
    config: dict[str, Any] = {
        "host": clusters[0],
        "networks": {name: {} for name in clusters},
        "clusters": {name: {"embedded": {}, "network": name} for name in clusters},
        "namespaces": {"shop": {}},
        "identities": {
            "users": {"ada": {}},
            "roles": {"reader": {"rules": [pods]}},
            "bindings": {"readers": {**binding, "clusterAffinity": {"clusterNames": clusters}}},
        },
        "portal": {"serviceAccounts": [{"namespace": "shop", "name": "deployer"}], **portal},
    }
    return load("portal", config)
