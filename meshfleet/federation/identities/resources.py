"""Resources as people write them in a command: `pods`, `deployments.apps/scale`, `/healthz`. Pure.

Source: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_auth/kubectl_auth_can-i/
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from meshfleet.federation.identities.default_roles import MESH_RULES
from meshfleet.redaction.shown import shown
from meshfleet.topology.propagation.kinds import SCOPES
from meshfleet.topology.rbac.identities import Identities
from meshfleet.topology.rbac.policy_rule import ALL, PolicyRule

# What the plural of a kind does not follow from.
_PLURALS: Final = {"Endpoints": "endpoints"}
# Of users, which no API server keeps as objects; rights to impersonate them name them.
_IMPERSONATED: Final = ("users", "groups")


def resource_of(text: str, identities: Identities) -> tuple[str, str]:
    """API group and resource (with its subresource) of a text such as `deployments.apps/scale`.

    Without a group it is that of Kubernetes, Istio or the declared roles that has the resource. Raises ValueError in
    words where none or several have it.
    """
    named, slash, subresource = text.partition("/")
    resource, dot, group = named.partition(".")
    tail = f"{slash}{subresource}"
    if dot:
        return group, f"{resource}{tail}"
    groups = _groups(resource, (rule for role in identities.roles.values() for rule in role.rules))
    if not groups:
        raise ValueError(
            f"{shown(text)} is in no API group that is known here; write it with its group, as in widgets.shop.example"
        )
    if len(groups) > 1:
        written = " or ".join(f"{resource}.{group}" for group in groups)
        raise ValueError(f"{shown(text)} is in several API groups; write it with its group: {written}")
    return groups[0], f"{resource}{tail}"


def _groups(resource: str, rules: Iterable[PolicyRule]) -> list[str]:
    kept = {group for (group, kind) in SCOPES if plural(kind) == resource}
    if resource in _IMPERSONATED:
        kept.add("")
    declared = [*rules, *(rule for rules in MESH_RULES.values() for rule in rules)]
    for rule in declared:
        if resource in {each.partition("/")[0] for each in rule.resources}:
            kept |= {group for group in rule.api_groups if group != ALL}
    return sorted(kept)


def plural(kind: str) -> str:
    """The resource of a kind of Kubernetes."""
    if kind in _PLURALS:
        return _PLURALS[kind]
    name = kind.lower()
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "ch")) else f"{name}s"
