"""Rules that give more than they seem to: wildcards, and rights by which one gets other rights. Pure.

Source: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks
"""

from __future__ import annotations

from typing import Final

from meshfleet.topology.rbac.policy_rule import ALL, PolicyRule

RBAC: Final = "rbac.authorization.k8s.io"
_ROLES: Final = ("roles", "clusterroles")
_OTHERS: Final = ("users", "groups", "serviceaccounts")

_WEBHOOKS: Final = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations", "mutatingadmissionpolicies")

# Verbs, API group, resources, what it comes to.
_WAYS: Final = (
    (("bind",), RBAC, _ROLES, "bind roles that one does not have"),
    (("escalate",), RBAC, _ROLES, "write roles with rights that one does not have"),
    (("impersonate",), "", _OTHERS, "impersonate others"),
    (("create",), "", ("serviceaccounts/token",), "create tokens of service accounts"),
    (("approve", "sign"), "certificates.k8s.io", ("signers",), "have certificates of others signed"),
    # A request to get is enough: kubelets take commands by websockets.
    (("get", "create"), "", ("nodes/proxy",), "run commands in every pod of a node"),
    (
        ("create", "update", "patch"),
        "admissionregistration.k8s.io",
        _WEBHOOKS,
        "read or change all that others create",
    ),
)
_VERBS: Final = {verb: meaning for (verb, *_), _, _, meaning in _WAYS[:3]}


def wildcard(rule: PolicyRule) -> str:
    """The first wildcard of a rule; empty without one. A path that only ends in one is bounded by its beginning."""
    for value in (*rule.verbs, *rule.api_groups, *rule.resources, *rule.non_resource_urls):
        if value in (ALL, "/*") or value.startswith("*/"):
            return value
    return ""


def escalating(rule: PolicyRule) -> str:
    """What a rule allows by which one gets rights that one was not given; empty where it allows nothing such."""
    for verb in rule.verbs:
        # On whatever resource: `impersonate` exists for `userextras/scopes` and others too.
        if verb in _VERBS:
            return _VERBS[verb]
    for verbs, group, resources, meaning in _WAYS:
        able = any(_has(rule.verbs, verb) for verb in verbs)
        if able and _has(rule.api_groups, group) and any(_names(rule, each) for each in resources):
            return meaning
    return ""


def _has(values: tuple[str, ...], wanted: str) -> bool:
    return ALL in values or wanted in values


def _names(rule: PolicyRule, resource: str) -> bool:
    subresource = resource.partition("/")[2]
    return _has(rule.resources, resource) or bool(subresource and f"*/{subresource}" in rule.resources)
