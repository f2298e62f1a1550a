"""What each cluster gets of the bindings of a fleet: the subjects as API servers know them, the rules, the places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from meshfleet.federation.affinity import requirements, unmet
from meshfleet.federation.candidates import candidates
from meshfleet.federation.identities.default_roles import AGGREGATED, EVERYTHING, MESH_RULES
from meshfleet.federation.identities.membership import users_in, with_inner
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.rbac.identities import USER_FACING, USERS_NAMESPACE, Identities
from meshfleet.topology.rbac.policy_rule import PolicyRule
from meshfleet.topology.rbac.subjects import Subjects

USER: Final = "User"
GROUP: Final = "Group"
SERVICE_ACCOUNT: Final = "ServiceAccount"


@dataclass(frozen=True)
class Subject:
    """A subject of a binding as RBAC has it; `namespace` is that of a service account."""

    kind: str
    name: str
    namespace: str = ""


@dataclass(frozen=True)
class Grant:
    """A binding with all that it comes to. With no `namespaces` it holds in all, and for what is in none.

    `users` are all declared users that it reaches, through groups too, `accounts` the declared service accounts.
    """

    binding: str
    role: str
    rules: tuple[PolicyRule, ...]
    subjects: tuple[Subject, ...]
    users: tuple[str, ...]
    accounts: tuple[str, ...]
    namespaces: tuple[str, ...]
    clusters: tuple[str, ...]


@dataclass(frozen=True)
class Grants:
    """The bindings of a fleet in the order of the stack file."""

    bindings: tuple[Grant, ...]

    @cached_property
    def _by_cluster(self) -> Mapping[str, tuple[Grant, ...]]:
        found: dict[str, list[Grant]] = {}
        for grant in self.bindings:
            for cluster in grant.clusters:
                found.setdefault(cluster, []).append(grant)
        return {cluster: tuple(those) for cluster, those in found.items()}

    def of(self, cluster: str) -> tuple[Grant, ...]:
        """The bindings that hold in a cluster."""
        return self._by_cluster.get(cluster, ())

    def users_of(self, cluster: str) -> tuple[str, ...]:
        """The users that something is bound to in a cluster; there each has a ServiceAccount."""
        return tuple(dict.fromkeys(user for grant in self.of(cluster) for user in grant.users))

    def accounts_of(self, cluster: str) -> tuple[str, ...]:
        """The service accounts that something is bound to in a cluster."""
        return tuple(dict.fromkeys(account for grant in self.of(cluster) for account in grant.accounts))

    def clusters_of(self, user: str) -> tuple[str, ...]:
        """The clusters in which something is bound to a user, in the order they come."""
        return tuple(dict.fromkeys(c for grant in self.bindings if user in grant.users for c in grant.clusters))


def grants(fleet: Fleet) -> Grants:
    """The bindings of a fleet, placed; computed once."""
    return fleet.derived(_placed)


def rules_of(identities: Identities, role: str) -> tuple[PolicyRule, ...]:
    """The rules of a role: declared ones, or Kubernetes' own with all that is added to it."""
    if role in identities.roles:
        return identities.roles[role].rules
    if role == USER_FACING[0]:
        return EVERYTHING
    found: list[PolicyRule] = []
    for name, rules in AGGREGATED.items():
        found += rules
        if identities.aggregate_istio:
            found += MESH_RULES.get(name, ())
        for declared in identities.roles.values():
            if name in declared.aggregate_to:
                found += declared.rules
        if name == role:
            break
    return tuple(found)


def _placed(fleet: Fleet) -> Grants:
    identities, clusters = fleet.identities, candidates(fleet)
    made = []
    for name, binding in identities.bindings.items():
        wanted = requirements(binding.cluster_affinity)
        users = tuple(dict.fromkeys((*binding.subjects.users, *users_in(identities, binding.subjects.groups))))
        made.append(
            Grant(
                binding=name,
                role=binding.role,
                rules=rules_of(identities, binding.role),
                subjects=tuple(_subjects(identities, binding.subjects, users)),
                users=users,
                accounts=binding.subjects.service_accounts,
                namespaces=binding.namespaces,
                clusters=tuple(cluster.name for cluster in clusters if not unmet(wanted, cluster)),
            )
        )
    return Grants(tuple(made))


def _subjects(identities: Identities, subjects: Subjects, users: tuple[str, ...]) -> Iterator[Subject]:
    """Each way by which an API server may come to know who asks, so that all of them give the same rights."""
    for user in users:
        yield Subject(USER, identities.username(user))
        yield Subject(SERVICE_ACCOUNT, user, USERS_NAMESPACE)
    for group in with_inner(identities, subjects.groups):
        yield Subject(GROUP, identities.group_name(group))
    for account in subjects.service_accounts:
        namespace, name = identities.account(account)
        yield Subject(SERVICE_ACCOUNT, name, namespace)
