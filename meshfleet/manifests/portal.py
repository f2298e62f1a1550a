"""The portal's account in each cluster, and what it may do there: impersonate the declared subjects and no more.

Nothing in it names the host, so that another cluster can become the host.
Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
"""

from __future__ import annotations

from typing import Any, Final

from meshfleet.federation.identities.grants import GROUP, grants
from meshfleet.federation.identities.membership import groups_of
from meshfleet.manifests import identities, names
from meshfleet.manifests.objects import MANAGED_BY, Object, metadata
from meshfleet.manifests.section import Document, Known, Section, Stage
from meshfleet.portal import rights
from meshfleet.portal.spec import Subjects
from meshfleet.topology import Fleet
from meshfleet.topology.rbac.identities import USERS_NAMESPACE

TOKEN: Final = "portal-token"  # noqa: S105  (the name of a document)
"""The document with the token of the portal's account."""


def subjects(fleet: Fleet, cluster: str) -> Subjects:
    """Who may be impersonated in a cluster: whom the portal names, and to whom `identities` bind something there.

    Accounts only where their namespace is. A user has the declared groups, whatever the identity provider says.
    """
    declared, people, placed = fleet.portal, fleet.identities, grants(fleet)
    if declared is None:
        return Subjects()
    there = {*fleet.namespaces_of(cluster), "default"}
    bound = [subject.name for grant in placed.of(cluster) for subject in grant.subjects if subject.kind == GROUP]
    users: dict[str, tuple[str, ...]] = dict.fromkeys(declared.users, ())
    accounts = [(one.namespace, one.name) for one in declared.service_accounts]
    for user in placed.users_of(cluster):
        names_of = map(people.group_name, groups_of(people, user))
        users[people.username(user)] = tuple(name for name in names_of if name in bound)
    accounts += map(people.account, placed.accounts_of(cluster))
    found = [account for account in accounts if account[0] in there]
    found += ((USERS_NAMESPACE, user) for user in placed.users_of(cluster))
    return Subjects(users, tuple(dict.fromkeys((*declared.groups, *bound))), tuple(dict.fromkeys(found)))


def documents(fleet: Fleet, cluster: str, known: Known) -> list[Document]:
    """The account with its token, and its rights."""
    if fleet.portal is None:
        return []
    who = subjects(fleet, cluster)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(rights.NAMESPACE)}
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(rights.ACCOUNT, rights.NAMESPACE),
        # No pod runs with it.
        "automountServiceAccountToken": False,
    }
    token: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(
            rights.ACCOUNT, rights.NAMESPACE, annotations={"kubernetes.io/service-account.name": rights.ACCOUNT}
        ),
        "type": "kubernetes.io/service-account-token",
    }
    found = [
        Document("portal-namespace", SECTION, namespace),
        Document("portal-account", SECTION, account, after=("portal-namespace",)),
        Document(TOKEN, SECTION, token, after=("portal-account",)),
        Document("portal-role", SECTION, _marked(rights.cluster_role(who))),
        Document("portal-role-binding", SECTION, _marked(rights.cluster_role_binding()), after=("portal-role",)),
    ]
    for body in rights.namespaced(who):
        place = body["metadata"]["namespace"]
        name = f"portal-role-{place}"
        waits: tuple[str, ...] = ()
        if body["kind"] == "RoleBinding":
            name, waits = f"portal-role-binding-{place}", (f"portal-role-{place}",)
        elif place in fleet.namespaces_of(cluster):
            waits = (names.namespace(place),)
        elif place == USERS_NAMESPACE:
            waits = identities.users_namespace(fleet, cluster)
        found.append(Document(name, SECTION, _marked(body), after=waits))
    return found


def _marked(body: Object) -> Object:
    described: dict[str, Any] = body["metadata"]
    return body | {"metadata": described | {"labels": dict(MANAGED_BY)}}


SECTION = Section(
    name="portal",
    stage=Stage.WORKLOADS,
    component="PortalAccount",
    documents=documents,
    declared_in="portal",
    what="[the account of the API portal](portal.md), and whom it may impersonate",
    waits_for="its namespace; a role for service accounts for theirs",
    other_components=("ApiPortal",),
)
