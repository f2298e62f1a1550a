"""Whether an identity may do something in a cluster, from the declaration alone, as RBAC is documented. Pure.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from meshfleet.federation.identities.default_roles import GROUP_RULES
from meshfleet.federation.identities.grants import GROUP, USER, Grant, Subject, grants
from meshfleet.federation.identities.membership import groups_of
from meshfleet.federation.identities.policy import Request, allows
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.rbac.identities import USERS_NAMESPACE
from meshfleet.topology.system_names import AUTHENTICATED, SERVICE_ACCOUNTS, account_user


@dataclass(frozen=True)
class Identity:
    """Who asks, as an API server knows it once it has authenticated them."""

    username: str
    groups: tuple[str, ...]

    def matches(self, subject: Subject) -> bool:
        """Whether a subject of a binding is this one."""
        if subject.kind == USER:
            return subject.name == self.username
        if subject.kind == GROUP:
            return subject.name in self.groups
        return account_user(subject.namespace, subject.name) == self.username


def of_user(fleet: Fleet, user: str) -> Identity:
    """A user whom an OIDC provider or an impersonating portal names, with all groups."""
    declared = fleet.identities
    names = (declared.group_name(group) for group in groups_of(declared, user))
    return Identity(declared.username(user), (*names, AUTHENTICATED))


def of_users_account(user: str) -> Identity:
    """The ServiceAccount that stands for a user in a cluster."""
    return of_account(USERS_NAMESPACE, user)


def of_account(namespace: str, name: str) -> Identity:
    """A ServiceAccount with the groups that each has.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-subjects
    """
    groups = (SERVICE_ACCOUNTS, f"{SERVICE_ACCOUNTS}:{namespace}", AUTHENTICATED)
    return Identity(account_user(namespace, name), groups)


def allowed(fleet: Fleet, identity: Identity, request: Request, cluster: str) -> bool:
    """Whether an identity may do something in a cluster, as the stack file has it."""
    everybody = (rule for group in identity.groups for rule in GROUP_RULES.get(group, ()))
    return any(allows(rule, request) for rule in everybody) or allowed_by(grants(fleet).of(cluster), identity, request)


def allowed_by(bindings: Iterable[Grant], identity: Identity, request: Request) -> bool:
    """Whether one of these bindings, all of the cluster in question, allows it."""
    return any(
        holds(grant, request.namespace)
        and any(identity.matches(subject) for subject in grant.subjects)
        and any(allows(rule, request) for rule in grant.rules)
        for grant in bindings
    )


def holds(grant: Grant, namespace: str) -> bool:
    """Whether a binding holds in a namespace; empty for all of them, and for what is in none."""
    return not grant.namespaces or namespace in grant.namespaces
