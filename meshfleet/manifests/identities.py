"""Identities: accounts, roles and bindings of the stack file as plain RBAC in the clusters in which they hold.

A binding of all namespaces is a ClusterRoleBinding, one of some a RoleBinding in each, both of a ClusterRole. Nothing
in a cluster names another one, so that each answers by itself.
Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from meshfleet.federation.identities.authors import cluster_role
from meshfleet.federation.identities.default_roles import MESH_RULES
from meshfleet.federation.identities.grants import GROUP, SERVICE_ACCOUNT, USER, Grant, Subject, grants
from meshfleet.federation.identities.membership import groups_of
from meshfleet.federation.propagated import propagations
from meshfleet.manifests import names
from meshfleet.manifests.objects import Object, metadata
from meshfleet.manifests.propagations import document_name
from meshfleet.manifests.section import Document, Known, Section, Stage
from meshfleet.topology import Fleet
from meshfleet.topology.propagation.kinds import NAMESPACE
from meshfleet.topology.rbac.escalation import RBAC
from meshfleet.topology.rbac.identities import USERS_NAMESPACE
from meshfleet.topology.rbac.policy_rule import PolicyRule

_API: Final = f"{RBAC}/v1"
_AGGREGATED: Final = f"{RBAC}/aggregate-to-"
_NAMESPACE: Final = "identity-namespace"


def users_namespace(fleet: Fleet, cluster: str) -> tuple[str, ...]:
    """The document of the namespace of users' accounts in a cluster; none where there is no such namespace."""
    return (_NAMESPACE,) if users_with_accounts(fleet, cluster) else ()


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """What a cluster gets of the identities: accounts and roles, then bindings, each in the order of the stack file."""
    declared = fleet.identities
    if declared.empty:
        return []
    here = grants(fleet).of(cluster)
    namespaces = _namespaces(fleet, cluster)
    return [
        *_accounts(fleet, cluster, namespaces),
        *_roles(fleet, here),
        *(document for grant in here for document in _bindings(fleet, grant, namespaces)),
    ]


def users_with_accounts(fleet: Fleet, cluster: str) -> tuple[str, ...]:
    """The users who have a ServiceAccount in a cluster: those bound there; on the host of a portal all who are bound.

    The portal takes tokens that the host has issued, whatever the clusters that they lead to.
    """
    placed = grants(fleet)
    if fleet.portal is None or not fleet.portal.host_accounts or cluster != fleet.host:
        return placed.users_of(cluster)
    return tuple(dict.fromkeys(user for grant in placed.bindings for user in grant.users))


def _accounts(fleet: Fleet, cluster: str, namespaces: dict[str, str]) -> Iterator[Document]:
    placed, declared = grants(fleet), fleet.identities
    if users := users_with_accounts(fleet, cluster):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(USERS_NAMESPACE)}
        yield Document(_NAMESPACE, SECTION, body)
    for user in users:
        body = _account(USERS_NAMESPACE, user)
        yield Document(f"identity-user-{user}", SECTION, body, after=(_NAMESPACE,))
    for name in placed.accounts_of(cluster):
        if declared.service_accounts[name].create:
            namespace, account = declared.account(name)
            body = _account(namespace, account)
            yield Document(f"identity-serviceaccount-{name}", SECTION, body, after=_there(namespaces, namespace))


def _account(namespace: str, name: str) -> Object:
    # No pod runs with it for a user, so that none needs its token.
    body: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(name, namespace)}
    return body | ({"automountServiceAccountToken": False} if namespace == USERS_NAMESPACE else {})


def _roles(fleet: Fleet, here: Iterable[Grant]) -> Iterator[Document]:
    declared, bound = fleet.identities, {grant.role for grant in here}
    for name, role in declared.roles.items():
        if name in bound or role.aggregate_to:
            labels = {f"{_AGGREGATED}{wider}": "true" for wider in role.aggregate_to}
            body = _role(cluster_role(name), role.rules, labels)
            yield Document(f"identity-clusterrole-{name}", SECTION, body)
    for wider, rules in MESH_RULES.items() if declared.aggregate_istio else ():
        body = _role(f"meshfleet:aggregated:istio-{wider}", rules, {f"{_AGGREGATED}{wider}": "true"})
        yield Document(f"identity-aggregated-{wider}", SECTION, body)


def _role(name: str, rules: Iterable[PolicyRule], labels: dict[str, str]) -> Object:
    written = [rule.model_dump(by_alias=True, exclude_defaults=True, mode="json") for rule in rules]
    return {"apiVersion": _API, "kind": "ClusterRole", "metadata": metadata(name, labels=labels), "rules": written}


def _bindings(fleet: Fleet, grant: Grant, namespaces: dict[str, str]) -> Iterator[Document]:
    own = grant.role in fleet.identities.roles
    after = [f"identity-clusterrole-{grant.role}"] if own else []
    after += [f"identity-user-{user}" for user in grant.users]
    accounts = fleet.identities.service_accounts
    after += [f"identity-serviceaccount-{name}" for name in grant.accounts if accounts[name].create]
    content = {
        "roleRef": {
            "apiGroup": RBAC,
            "kind": "ClusterRole",
            "name": cluster_role(grant.role) if own else grant.role,
        },
        "subjects": list(map(_subject, grant.subjects)),
    }
    name = f"meshfleet:{grant.binding}"
    if not grant.namespaces:
        body: Object = {"apiVersion": _API, "kind": "ClusterRoleBinding", "metadata": metadata(name)} | content
        yield Document(f"identity-clusterrolebinding-{grant.binding}", SECTION, body, after=tuple(after))
    for namespace in grant.namespaces:
        body = {"apiVersion": _API, "kind": "RoleBinding", "metadata": metadata(name, namespace)} | content
        yield Document(
            # With its dashes doubled the namespace cannot be mistaken for a longer one.
            f"identity-rolebinding-{namespace.replace('-', '--')}-{grant.binding}",
            SECTION,
            body,
            after=(*after, *_there(namespaces, namespace)),
        )


def subjects_of(fleet: Fleet, cluster: str) -> list[Object]:
    """Everybody whom something is bound to in a cluster: users, and every group that they are in; no accounts."""
    declared, placed = fleet.identities, grants(fleet)
    found = [one for grant in placed.of(cluster) for one in grant.subjects if one.kind != SERVICE_ACCOUNT]
    for user in placed.users_of(cluster):
        found.append(Subject(USER, declared.username(user)))
        found += (Subject(GROUP, declared.group_name(group)) for group in groups_of(declared, user))
    return list(map(_subject, dict.fromkeys(found)))


def _subject(subject: Subject) -> Object:
    if subject.kind == SERVICE_ACCOUNT:
        return {"kind": subject.kind, "name": subject.name, "namespace": subject.namespace}
    return {"apiGroup": RBAC, "kind": subject.kind, "name": subject.name}


def _namespaces(fleet: Fleet, cluster: str) -> dict[str, str]:
    """The namespaces that the fleet creates in a cluster, each with its document."""
    placed = propagations(fleet).of(cluster)
    return {name: names.namespace(name) for name in fleet.namespaces_of(cluster)} | {
        one.key.name: document_name(one.propagation, one.key) for one in placed if one.key[:2] == NAMESPACE
    }


def _there(namespaces: dict[str, str], wanted: str) -> tuple[str, ...]:
    return (namespaces[wanted],) if wanted in namespaces else ()


SECTION = Section(
    name="identities",
    stage=Stage.WORKLOADS,
    component="Identities",
    documents=documents,
    declared_in="identities",
    what="[identities](identities.md): accounts of users and programs, roles and bindings",
    waits_for="their namespace; a binding for its role and its accounts",
)
