"""Roles, who has them where, and the section `identities` of a stack file.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from meshfleet.topology.model import Model
from meshfleet.topology.names import Label
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.rbac.policy_rule import PolicyRule
from meshfleet.topology.rbac.subjects import Group, Oidc, ServiceAccount, Subjects, User

USER_FACING: Final = ("cluster-admin", "admin", "edit", "view")
"""The roles that Kubernetes has for people, the one with most rights first.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles
"""
USERS_NAMESPACE: Final = "meshfleet-users"
"""The namespace of the users' accounts; a reserved prefix keeps it apart from the user's own."""


class Role(Model):
    """Rules, for those that a binding names; a ClusterRole in each cluster of these bindings.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#role-and-clusterrole
    """

    rules: Annotated[tuple[PolicyRule, ...], Field(strict=False)] = ()
    """What it allows."""
    aggregate_to: Annotated[tuple[Literal["admin", "edit", "view"], ...], Field(strict=False)] = ()
    """Roles of Kubernetes that these rules are added to, in all clusters: `view`, `edit`, `admin`."""
    allow_wildcards: bool = False
    """Whether its rules may have `*`, which also allows what later versions and definitions bring."""
    allow_escalation: bool = False
    """Whether its rules may allow to become someone else, or to grant what one does not have."""
    author: Label | None = None
    """The user who answers for it, and can only allow what that user has in all namespaces."""

    @model_validator(mode="after")
    def _some_rule(self) -> Role:
        if not self.rules:
            raise ValueError("has no rules, so that it allows nothing; give some, or remove the role")
        if self.author and self.aggregate_to:
            raise ValueError("has an author and aggregateTo, which gives to others what its author may not; remove one")
        return self


class Binding(Model):
    """A role for subjects, in all namespaces or in some, in the clusters that are selected.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#rolebinding-and-clusterrolebinding
    """

    role: str
    """A role of `roles`, or one that Kubernetes has: `view`, `edit`, `admin`, `cluster-admin`."""
    subjects: Subjects
    """Who has it."""
    namespaces: Annotated[tuple[Label, ...], Field(strict=False)] = ()
    """The namespaces in which it holds."""
    all_namespaces: bool = False
    """Whether it holds in all namespaces and for what is in none, in place of `namespaces`."""
    cluster_affinity: ClusterAffinity = Field(default_factory=ClusterAffinity)
    """The clusters in which it holds; all when left out."""
    allow_escalation: bool = False
    """Whether it may bind `cluster-admin`, or in all namespaces `admin` or `edit`, which can impersonate."""
    author: Label | None = None
    """The user who answers for it, and can only grant what that user has there by other bindings."""

    @model_validator(mode="after")
    def _for_someone_somewhere(self) -> Binding:
        if self.subjects.empty:
            raise ValueError("has no subjects; give users, groups or serviceAccounts, or remove the binding")
        if bool(self.namespaces) == self.all_namespaces:
            found = "has both namespaces and allNamespaces" if self.all_namespaces else "has no namespaces"
            raise ValueError(f"{found}; give namespaces, or allNamespaces: true")
        return self


class Identities(Model):
    """Users, groups, accounts and roles, and which of them has what in which clusters.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
    """

    oidc: Oidc = Field(default_factory=Oidc)
    """The prefixes of names that come from an OIDC provider."""
    users: dict[Label, User] = Field(default_factory=dict)
    """The users by name."""
    groups: dict[Label, Group] = Field(default_factory=dict)
    """The groups by name."""
    service_accounts: dict[Label, ServiceAccount] = Field(default_factory=dict)
    """Accounts of programs by name."""
    roles: dict[Label, Role] = Field(default_factory=dict)
    """The roles by name."""
    bindings: dict[Label, Binding] = Field(default_factory=dict)
    """Who has which role where, by name."""
    aggregate_istio: bool = False
    """Whether `view`, `edit` and `admin` have the kinds of Istio and of the Gateway API as well."""

    @property
    def empty(self) -> bool:
        """Whether nothing is declared that a cluster would get."""
        return not (self.bindings or self.aggregate_istio or any(role.aggregate_to for role in self.roles.values()))

    def username(self, user: str) -> str:
        """What API servers call a user."""
        return f"{self.oidc.username_prefix}{self.users[user].name or user}"

    def group_name(self, group: str) -> str:
        """What API servers call a group."""
        return f"{self.oidc.groups_prefix}{self.groups[group].name or group}"

    def account(self, name: str) -> tuple[str, str]:
        """Namespace and name of a service account."""
        declared = self.service_accounts[name]
        return declared.namespace, declared.name or name
