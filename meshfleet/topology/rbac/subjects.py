"""Who may do something: users, groups as an identity provider calls them, and accounts of programs.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from meshfleet.redaction.shown import shown
from meshfleet.topology.model import Model
from meshfleet.topology.names import Label
from meshfleet.topology.text import Line

# What makes clusters binds rights to names of its own, as kubeadm, and so kind, binds cluster-admin to
# kubeadm:cluster-admins.
# https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/ and
# https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html
_RESERVED: Final = ("system:", "kubeadm:", "eks:")


def reserved(name: str) -> str:
    """What the names of Kubernetes' own users and groups begin with, where a name does, in whatever case; else empty.

    Names have a case to API servers and have none to some providers of identities.
    """
    folded = name.strip().casefold()
    return next((beginning for beginning in _RESERVED if folded.startswith(beginning)), "")


def space_around(name: str) -> str:
    """What is wrong with the ends of a name, in words; empty where nothing is.

    Headers lose spaces there, so that a portal would let one such user come as another.
    """
    if name == name.strip():
        return ""
    return f"{shown(name)} begins or ends with a space, which gets lost on the way; give the name without"


def _checked_name(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; give the name, or leave it out")
    if found := reserved(value):
        raise ValueError(
            f"{shown(value)} begins with {found}, as names of Kubernetes itself do (system:masters may do everything, "
            "whatever is bound); give a name of your own"
        )
    if fault := space_around(value):
        raise ValueError(fault)
    if value == "*":
        raise ValueError("'*' names no user and no group: subjects have no wildcard; name users and groups")
    return value


def _checked_prefix(value: str) -> str:
    if reserved(value):
        raise ValueError(f"{shown(value)} is a prefix of Kubernetes itself, which API servers refuse; use one as oidc:")
    if value != value.lstrip():
        raise ValueError(space_around(value))
    return value


SubjectName = Annotated[Line, AfterValidator(_checked_name)]
Prefix = Annotated[Line, AfterValidator(_checked_prefix)]


class Oidc(Model):
    """What API servers put before the names that an OIDC provider gives.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#configuring-the-api-server
    """

    username_prefix: Prefix = ""
    """The `--oidc-username-prefix` of the API servers, such as `oidc:`."""
    groups_prefix: Prefix = ""
    """Their `--oidc-groups-prefix`."""


class User(Model):
    """A person. In each cluster where something is bound to the user, a ServiceAccount has the same rights.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#users-in-kubernetes
    """

    name: SubjectName | None = None
    """The name by which the OIDC provider or a certificate calls the user; the key when left out."""


class Group(Model):
    """A group of users, whose members have what is bound to it.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-subjects
    """

    name: SubjectName | None = None
    """The name by which the OIDC provider calls the group; the key when left out."""
    users: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The users in it."""
    groups: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Groups whose members are members of this one too."""


class ServiceAccount(Model):
    """An account of a program in a namespace, in each cluster where something is bound to it.

    Source: https://kubernetes.io/docs/concepts/security/service-accounts/
    """

    namespace: Label
    """Its namespace."""
    name: Label | None = None
    """Its name; the key when left out."""
    create: bool = True
    """Whether the fleet creates it; not where something else does, such as a workload or a chart."""


class Subjects(Model):
    """Users, groups and service accounts, by their names in the stack file."""

    users: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The users."""
    groups: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The groups."""
    service_accounts: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The service accounts."""

    @property
    def empty(self) -> bool:
        """Whether it names none."""
        return not (self.users or self.groups or self.service_accounts)
