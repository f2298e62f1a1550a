"""Whether a rule allows a request, and whether rules cover another one: what an API server's authorizer computes. Pure.

Sources: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources,
https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping,
pkg/apis/rbac/v1/evaluation_helpers.go of kubernetes/kubernetes and auth/rbac/validation/policy_comparator.go of
kubernetes/component-helpers
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from meshfleet.topology.rbac.policy_rule import ALL, PolicyRule


@dataclass(frozen=True)
class Request:
    """What is asked of an API server: a verb on a resource, or on a path that is none.

    `resource` may be `pods/log`. An empty `namespace` is all of them, or none for what is in none; an empty `name` all
    objects. Where `path` is given the rest but the verb is empty.
    """

    verb: str
    resource: str = ""
    group: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"{self.verb} {self.path}"
        name = f" {self.name}" if self.name else ""
        place = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}{name}{place}"


def allows(rule: PolicyRule, request: Request) -> bool:
    """Whether a rule that holds where the request is made allows it."""
    if not _has(rule.verbs, request.verb):
        return False
    if request.path:
        return any(_url_covers(url, request.path) for url in rule.non_resource_urls)
    return (
        _has(rule.api_groups, request.group)
        and _has_resource(rule.resources, request.resource)
        and (not rule.resource_names or request.name in rule.resource_names)
    )


def uncovered(owned: Iterable[PolicyRule], wanted: Iterable[PolicyRule]) -> Iterator[PolicyRule]:
    """The smallest parts of the wanted rules that no owned rule covers alone."""
    owned = tuple(owned)
    for rule in wanted:
        for part in parts(rule):
            if not any(_covers(each, part) for each in owned):
                yield part


def parts(rule: PolicyRule) -> Iterator[PolicyRule]:
    """A rule in its smallest parts: one verb on one resource and name, or on one path."""
    for url, verb in product(rule.non_resource_urls, rule.verbs):
        yield PolicyRule.model_construct(
            api_groups=(), resources=(), resource_names=(), non_resource_urls=(url,), verbs=(verb,)
        )
    names: list[tuple[str, ...]] = [(name,) for name in rule.resource_names] or [()]
    for group, resource, verb, name in product(rule.api_groups, rule.resources, rule.verbs, names):
        yield PolicyRule.model_construct(
            api_groups=(group,), resources=(resource,), resource_names=name, non_resource_urls=(), verbs=(verb,)
        )


def described(part: PolicyRule) -> str:
    """A smallest part in words."""
    (verb,) = part.verbs
    if part.non_resource_urls:
        return f"{verb} {part.non_resource_urls[0]}"
    group, name = part.api_groups[0], part.resource_names
    return f"{verb} {part.resources[0]}{f'.{group}' if group else ''}{f' {name[0]}' if name else ''}"


def _covers(owned: PolicyRule, part: PolicyRule) -> bool:
    if not _has(owned.verbs, part.verbs[0]):
        return False
    if part.non_resource_urls:
        return any(_url_covers(url, part.non_resource_urls[0]) for url in owned.non_resource_urls)
    return (
        _has(owned.api_groups, part.api_groups[0])
        and _has_resource(owned.resources, part.resources[0])
        and (not owned.resource_names or bool(part.resource_names and part.resource_names[0] in owned.resource_names))
    )


def _has(values: tuple[str, ...], wanted: str) -> bool:
    return ALL in values or wanted in values


def _has_resource(values: tuple[str, ...], wanted: str) -> bool:
    subresource = wanted.partition("/")[2]
    return _has(values, wanted) or bool(subresource and f"*/{subresource}" in values)


def _url_covers(owned: str, wanted: str) -> bool:
    return owned == wanted or (owned.endswith(ALL) and wanted.startswith(owned.rstrip(ALL)))
