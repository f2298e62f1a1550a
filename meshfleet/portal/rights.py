"""What the portal's account may do in a member: impersonate the declared subjects, each by its name, and no more.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
"""

from __future__ import annotations

from typing import Any, Final

from meshfleet.portal.spec import Subjects
from meshfleet.topology.system_names import AUTHENTICATED, SERVICE_ACCOUNTS

NAMESPACE: Final = "meshfleet-portal"
"""The namespace of the portal's account in each cluster."""
ACCOUNT: Final = "portal"
NAME: Final = "meshfleet-portal"
"""Of its roles and their bindings."""

Object = dict[str, Any]
_RBAC: Final = "rbac.authorization.k8s.io"


def groups(subjects: Subjects) -> tuple[str, ...]:
    """The groups that a request may be given: the declared ones, and those that follow from the names themselves."""
    namespaces = {namespace for namespace, _ in subjects.service_accounts}
    accounts = [SERVICE_ACCOUNTS, *(f"{SERVICE_ACCOUNTS}:{one}" for one in sorted(namespaces))] if namespaces else []
    return tuple(dict.fromkeys([*sorted(subjects.groups), AUTHENTICATED, *accounts]))


def cluster_role(subjects: Subjects) -> Object:
    """Users and groups by name; no rule is without names, which would mean all."""
    rules = [_rule("groups", groups(subjects))]
    if subjects.users:
        rules.insert(0, _rule("users", tuple(sorted(subjects.users))))
    return {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": NAME}, "rules": rules}


def cluster_role_binding() -> Object:
    """The role for the account."""
    return _binding("ClusterRoleBinding", "ClusterRole", {"name": NAME})


def namespaced(subjects: Subjects) -> list[Object]:
    """A role and its binding in each namespace of service accounts: in others the same names are other accounts."""
    found: list[Object] = []
    for namespace in sorted({namespace for namespace, _ in subjects.service_accounts}):
        names = tuple(sorted(name for where, name in subjects.service_accounts if where == namespace))
        metadata = {"name": NAME, "namespace": namespace}
        role = {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata}
        found.append(role | {"rules": [_rule("serviceaccounts", names)]})
        found.append(_binding("RoleBinding", "Role", metadata))
    return found


def _rule(resource: str, names: tuple[str, ...]) -> Object:
    return {"apiGroups": [""], "resources": [resource], "resourceNames": list(names), "verbs": ["impersonate"]}


def _binding(kind: str, role: str, metadata: Object) -> Object:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": kind,
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": role, "name": NAME},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}],
    }
