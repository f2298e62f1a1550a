"""What Karmada may do in a cluster: what it needs for the kinds that are propagated to it, and no more.

Found by running it (docs/karmada.md): reading what it reports of a cluster, all verbs on the propagated kinds, and,
where people come through it, the rights of its impersonator. Whose role exists beforehand, since RBAC cannot limit
`create` by a name; who may write it may do everything there, so that it is left out where no identity is declared.

Source: https://karmada.io/docs/administrator/security/ and pkg/util/credential.go of karmada-io/karmada v1.18.2
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from meshfleet.federation.karmada.plurals import resources
from meshfleet.federation.propagated import Propagated

Rule = dict[str, Any]
IMPERSONATOR_ROLE: Final = "karmada-impersonator"
_RBAC: Final = "rbac.authorization.k8s.io"
_ROLES: Final = ("clusterroles", "roles")
_READ: Final = ["get", "list", "watch"]
_WRITE: Final = [*_READ, "create", "update", "patch", "delete"]


def rules(objects: Iterable[Propagated], *, impersonates: bool) -> list[Rule]:
    """The rules of its ClusterRole in a cluster that may get these objects.

    Namespaces are the fleet's, so that it may not remove any. `impersonates` says whether people come through it.
    """
    found = [
        {"nonResourceURLs": ["/healthz", "/readyz", "/version", "/api*", "/apis*"], "verbs": ["get"]},
        _rule("", ["namespaces", "nodes", "pods"], _READ),
    ]
    propagated = resources(objects)
    found += [_rule(group, list(names), _WRITE) for group, names in propagated.items()]
    if propagated.get(_RBAC):
        # Roles that hold more than it has itself.
        found.append(_rule(_RBAC, list(_ROLES), ["bind", "escalate"]))
    return [*found, *_of_impersonator()] if impersonates else found


def _of_impersonator() -> list[Rule]:
    named = _rule(_RBAC, ["clusterroles", "clusterrolebindings"], ["update", "delete", "escalate", "bind"])
    return [
        _rule(_RBAC, ["clusterroles", "clusterrolebindings"], _READ),
        _rule(_RBAC, ["clusterrolebindings"], ["create"]),
        named | {"resourceNames": [IMPERSONATOR_ROLE]},
    ]


def _rule(group: str, names: list[str], verbs: list[str]) -> Rule:
    return {"apiGroups": [group], "resources": names, "verbs": verbs}
