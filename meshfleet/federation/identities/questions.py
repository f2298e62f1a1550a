"""Everybody who is declared, and questions about what they may do in a cluster: what is granted, and what is beside it.

A small sample tells whether a cluster has what the stack file says: of each binding one thing that it allows, asked
where it holds and where it does not, and what no subject is to have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from meshfleet.federation.identities.authorizer import Identity, of_account, of_user, of_users_account
from meshfleet.federation.identities.grants import Grant, grants
from meshfleet.federation.identities.policy import Request, parts
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.rbac.escalation import RBAC
from meshfleet.topology.rbac.policy_rule import ALL

MOST: Final = 200
"""How many questions a sample has at most."""
_ELSEWHERE: Final = "kube-system"
# What stands for a wildcard.
_ANY: Final = {"verb": "delete", "group": "", "resource": "secrets"}
_BEYOND: Final = (
    Request("get", "secrets", namespace=_ELSEWHERE),
    Request("impersonate", "users"),
    Request("create", "clusterrolebindings", RBAC),
    Request("get", path="/metrics"),
)


@dataclass(frozen=True)
class Asked:
    """A subject that is asked about.

    `kind` is `user` for a user as the OIDC provider or a portal names it, `account` for the ServiceAccount that stands
    for a user, and `program` for a declared service account.
    """

    kind: str
    name: str
    identity: Identity

    @property
    def words(self) -> str:
        """The same in words."""
        return {"user": self.name, "account": f"the account of {self.name}", "program": self.name}[self.kind]


def everybody(fleet: Fleet) -> tuple[Asked, ...]:
    """All declared users, each in both ways in which an API server may know it, and all declared service accounts."""
    declared = fleet.identities
    found: list[Asked] = []
    for user in declared.users:
        found += (Asked("user", user, of_user(fleet, user)), Asked("account", user, of_users_account(user)))
    found += (Asked("program", name, of_account(*declared.account(name))) for name in declared.service_accounts)
    return tuple(found)


def sample(fleet: Fleet) -> tuple[tuple[Asked, Request], ...]:
    """Questions that tell whether a cluster has what the stack file says, the same ones each time."""
    requests = dict.fromkeys(request for grant in grants(fleet).bindings for request in _about(grant))
    questions = [(asked, request) for asked in everybody(fleet) for request in (*requests, *_BEYOND)]
    return tuple(questions[:: len(questions) // MOST + 1])


def _about(grant: Grant) -> Iterator[Request]:
    """One thing that a binding allows, where it holds and elsewhere."""
    part = next(parts(grant.rules[0]))
    verb = _concrete("verb", part.verbs[0])
    if part.non_resource_urls:
        yield Request(verb, path=part.non_resource_urls[0].rstrip(ALL) or "/")
        return
    resource, group = _concrete("resource", part.resources[0]), _concrete("group", part.api_groups[0])
    name = part.resource_names[0] if part.resource_names else ""
    for namespace in (grant.namespaces[0] if grant.namespaces else "", _ELSEWHERE):
        yield Request(verb, resource, group, namespace, name)


def _concrete(what: str, value: str) -> str:
    return _ANY[what] if value.partition("/")[0] == ALL else value
