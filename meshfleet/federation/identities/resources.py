"""Resources as people write them in a command: `pods`, `deploy`, `deployments.apps/scale`. Pure.

Source: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_auth/kubectl_auth_can-i/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from meshfleet.federation.identities.default_roles import MESH_RULES
from meshfleet.redaction.shown import shown
from meshfleet.topology.propagation.kinds import KUBERNETES_GROUPS, SCOPES
from meshfleet.topology.rbac.identities import Identities
from meshfleet.topology.rbac.policy_rule import ALL, PolicyRule

# What the plural of a kind does not follow from.
_PLURALS: Final = {"Endpoints": "endpoints"}
# What no stack file propagates: clusters write it themselves, or answer it and keep nothing. Users and groups are only
# impersonated. The value says its API group, and whether it is in a namespace.
_FURTHER: Final = {
    "bindings": ("", True),
    "componentstatuses": ("", False),
    "events": ("", True),
    "nodes": ("", False),
    "users": ("", False),
    "groups": ("", False),
    "uids": ("authentication.k8s.io", False),
    "userextras": ("authentication.k8s.io", False),
    "selfsubjectreviews": ("authentication.k8s.io", False),
    "tokenreviews": ("authentication.k8s.io", False),
    "localsubjectaccessreviews": ("authorization.k8s.io", True),
    "selfsubjectaccessreviews": ("authorization.k8s.io", False),
    "selfsubjectrulesreviews": ("authorization.k8s.io", False),
    "subjectaccessreviews": ("authorization.k8s.io", False),
    "signers": ("certificates.k8s.io", False),
}
# https://kubernetes.io/docs/reference/kubectl/quick-reference/ and `kubectl api-resources`
_SHORT: Final = {
    "cm": "configmaps",
    "cj": "cronjobs",
    "crd": "customresourcedefinitions",
    "crds": "customresourcedefinitions",
    "cs": "componentstatuses",
    "csr": "certificatesigningrequests",
    "deploy": "deployments",
    "ds": "daemonsets",
    "ep": "endpoints",
    "ev": "events",
    "hpa": "horizontalpodautoscalers",
    "ing": "ingresses",
    "limits": "limitranges",
    "netpol": "networkpolicies",
    "no": "nodes",
    "ns": "namespaces",
    "pc": "priorityclasses",
    "pdb": "poddisruptionbudgets",
    "po": "pods",
    "pv": "persistentvolumes",
    "pvc": "persistentvolumeclaims",
    "quota": "resourcequotas",
    "rc": "replicationcontrollers",
    "rs": "replicasets",
    "sa": "serviceaccounts",
    "sc": "storageclasses",
    "sts": "statefulsets",
    "svc": "services",
}
# Of all resources of Kubernetes; those of custom ones are `scale` and `status`.
_SUBRESOURCES: Final = frozenset(
    {
        *("approval", "attach", "binding", "checkpoint", "configz", "ephemeralcontainers", "eviction", "exec"),
        *("finalize", "healthz", "log", "metrics", "pods", "portforward", "proxy", "resize", "scale", "spec", "stats"),
        *("status", "token"),
    }
)
# Whose subresource is a key that its users choose.
_ANY_SUBRESOURCE: Final = "userextras"
# `deployments.v1.apps`: a version says nothing about rights.
_VERSION: Final = re.compile(r"v[0-9]+((alpha|beta)[0-9]+)?(\.|$)")


def resource_of(text: str, identities: Identities) -> tuple[str, str]:
    """API group and resource (with its subresource) of a text such as `deployments.apps/scale`.

    Names are those that `kubectl` takes: in any case, in the singular, or short. Without a group it is that of
    Kubernetes, Istio or the declared roles that has the resource; `*` alone is all of them. Raises ValueError in words
    where none or several have it.
    """
    named, slash, subresource = text.partition("/")
    resource, dot, group = named.partition(".")
    tail = f"{slash}{subresource}"
    if "." in subresource:
        wanted, _, of = subresource.partition(".")
        raise ValueError(f"{shown(text)} has its API group after the subresource; write it as in {named}.{of}/{wanted}")
    if resource == ALL:
        return (group if dot else ALL), f"{ALL}{tail}"
    declared = [rule for role in identities.roles.values() for rule in role.rules]
    resource = _in_full(resource.lower(), declared)
    if dot:
        return _VERSION.sub("", group, count=1) if _VERSION.match(group) else group, f"{resource}{tail}"
    groups = _groups(resource, declared)
    if not groups:
        raise ValueError(
            f"{shown(text)} is in no API group that is known here; write it in the plural with its group, as in "
            "widgets.shop.example"
        )
    if len(groups) > 1:
        written = " or ".join(f"{resource}.{group}" for group in groups)
        raise ValueError(f"{shown(text)} is in several API groups; write it with its group: {written}")
    return groups[0], f"{resource}{tail}"


def in_no_namespace(group: str, resource: str) -> bool:
    """Whether objects of a resource of Kubernetes are in no namespace, by what is known here.

    A namespace itself is in the one of its name, to authorizers.
    """
    name = resource.partition("/")[0]
    if name in _FURTHER and _FURTHER[name][0] == group:
        return not _FURTHER[name][1]
    kinds = [kind for kind in SCOPES if kind[0] == group and plural(kind[1]) == name]
    return name != "namespaces" and any(not SCOPES[kind] for kind in kinds)


def subresource_fault(group: str, resource: str, identities: Identities) -> str | None:
    """What is wrong with the part after the slash, which some take for the name of an object; None when nothing is."""
    name, _, subresource = resource.partition("/")
    if not subresource or group not in {*KUBERNETES_GROUPS, ALL} or name == _ANY_SUBRESOURCE:
        return None
    declared = {
        one.partition("/")[2] for role in identities.roles.values() for rule in role.rules for one in rule.resources
    }
    if subresource in _SUBRESOURCES or subresource in declared:
        return None
    return f"{shown(resource)} has no subresource of Kubernetes after the slash; give the name of an object by --name"


def _in_full(resource: str, declared: Iterable[PolicyRule]) -> str:
    """The plural of a resource that is written short or in the singular; otherwise the same."""
    known = {plural(kind) for _, kind in SCOPES} | set(_FURTHER) | set(_of_rules(declared))
    if resource in known:
        return resource
    plurals = (plural(resource), f"{resource}s")
    return _SHORT.get(resource) or next((one for one in plurals if one in known), resource)


def _of_rules(declared: Iterable[PolicyRule]) -> dict[str, set[str]]:
    """Resource -> API groups, by the rules of roles."""
    found: dict[str, set[str]] = {}
    for rule in [*declared, *(rule for rules in MESH_RULES.values() for rule in rules)]:
        for each in rule.resources:
            found.setdefault(each.partition("/")[0], set()).update(one for one in rule.api_groups if one != ALL)
    return found


def _groups(resource: str, declared: Iterable[PolicyRule]) -> list[str]:
    found = {group for (group, kind) in SCOPES if plural(kind) == resource}
    if resource in _FURTHER:
        found.add(_FURTHER[resource][0])
    return sorted(found | _of_rules(declared).get(resource, set()))


def plural(kind: str) -> str:
    """The resource of a kind of Kubernetes."""
    if kind in _PLURALS:
        return _PLURALS[kind]
    name = kind.lower()
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "ch")) else f"{name}s"
