"""What identities name is there, and none of them has more than the stack file says in so many words.

What depends on clusters, such as a selector that selects none and what the author of a binding has, is seen once
bindings are placed (federation/identities/faults.py).
Sources: https://kubernetes.io/docs/reference/access-authn-authz/rbac/ and
https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.names import (
    LABEL_LENGTH,
    RESERVED_NAMESPACE_PREFIXES,
    RESERVED_NAMESPACES,
    label_fault,
)
from meshfleet.topology.rbac.escalation import escalating, wildcard
from meshfleet.topology.rbac.identities import USER_FACING, Binding, Identities
from meshfleet.topology.rbac.subjects import reserved
from meshfleet.topology.rules.propagations import known_to_selectors, unknown_in

_LISTED = 10
_DEFAULT = "default"


def identities(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each name that nothing has, and each right that is not said explicitly."""
    declared = draft.identities
    if declared == Identities():
        return
    yield from _names(declared)
    yield from _subject_names(declared)
    yield from _groups(declared)
    yield from _roles(declared)
    known = known_to_selectors(draft)
    for name, binding in declared.bindings.items():
        path = f"identities.bindings.{name}"
        yield from _binding(path, binding, declared)
        yield from unknown_in(f"{path}.clusterAffinity", binding.cluster_affinity, known)


def _names(declared: Identities) -> Iterator[Fault]:
    for section, names, because in (
        ("users", declared.users, "since it names the user's ServiceAccount"),
        ("groups", declared.groups, "as other names here"),
        ("serviceAccounts", declared.service_accounts, "since it names a ServiceAccount"),
        ("roles", declared.roles, "since it is part of the name of its document"),
        ("bindings", declared.bindings, "since it is part of the names of its documents"),
    ):
        for name in names:
            if fault := label_fault(name, LABEL_LENGTH, because):
                yield Fault(f"identities.{section}.{name}", fault)
    for name in declared.roles:
        if name in USER_FACING:
            yield Fault(
                f"identities.roles.{name}",
                f"{name} is a role of Kubernetes itself; give it another name, or aggregateTo",
            )


def _subject_names(declared: Identities) -> Iterator[Fault]:
    """Names as API servers see them: none is Kubernetes' own, and none is that of two."""
    for section, names in (
        ("users", {user: declared.username(user) for user in declared.users}),
        ("groups", {group: declared.group_name(group) for group in declared.groups}),
    ):
        for name, called in names.items():
            if reserved(called):
                yield Fault(
                    f"identities.{section}.{name}",
                    f"is {shown(called)} with its prefix, a name of Kubernetes itself; give another name or prefix",
                )
        yield from _called_twice(section, names)
    accounts = {name: "/".join(declared.account(name)) for name in declared.service_accounts}
    yield from _called_twice("serviceAccounts", accounts)
    for name, account in declared.service_accounts.items():
        path = f"identities.serviceAccounts.{name}"
        yield from _namespace(f"{path}.namespace", account.namespace)
        if account.name and (fault := label_fault(account.name, LABEL_LENGTH, "since it names a ServiceAccount")):
            yield Fault(f"{path}.name", fault)
        if (account.name or name) == _DEFAULT and account.create:
            yield Fault(path, "Kubernetes creates the account default in every namespace; set create: false")


def _called_twice(section: str, names: Mapping[str, str]) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name, called in names.items():
        if called in first:
            yield Fault(
                f"identities.{section}.{name}",
                f"is called {shown(called)}, as {first[called]} is; declare it once, or give it another name",
            )
        first.setdefault(called, name)


def _groups(declared: Identities) -> Iterator[Fault]:
    for name, group in declared.groups.items():
        path = f"identities.groups.{name}"
        yield from _references(f"{path}.users", "user", group.users, declared.users)
        yield from _references(f"{path}.groups", "group", group.groups, declared.groups)
    try:
        TopologicalSorter({name: group.groups for name, group in declared.groups.items()}).prepare()
    except CycleError as error:
        # The sorter reports the way against the references.
        cycle = list(reversed(error.args[1]))
        yield Fault(f"identities.groups.{cycle[0]}.groups", f"is a cycle: {' → '.join(cycle)}; remove one of them")


def _roles(declared: Identities) -> Iterator[Fault]:
    bound = {binding.role for binding in declared.bindings.values()}
    for name, role in declared.roles.items():
        path = f"identities.roles.{name}"
        if name not in bound and not role.aggregate_to:
            yield Fault(path, "is in no binding; name it in a binding, give it aggregateTo, or remove it")
        if role.author is not None:
            yield from _references(f"{path}.author", "user", (role.author,), declared.users, listed=False)
        for position, rule in enumerate(role.rules):
            place = f"{path}.rules[{position}]"
            if not role.allow_wildcards and (found := wildcard(rule)):
                yield Fault(
                    place,
                    f"has the wildcard {shown(found)}, which also allows what later versions and definitions bring; "
                    "name what it is to allow, or set allowWildcards: true in the role",
                )
            if not role.allow_escalation and (found := escalating(rule)):
                yield Fault(
                    place,
                    f"allows to {found}, by which one gets rights that one was not given; grant less, or set "
                    "allowEscalation: true in the role",
                )


def _binding(path: str, binding: Binding, declared: Identities) -> Iterator[Fault]:
    subjects = binding.subjects
    for key, what, given, known in (
        ("users", "user", subjects.users, declared.users),
        ("groups", "group", subjects.groups, declared.groups),
        ("serviceAccounts", "service account", subjects.service_accounts, declared.service_accounts),
    ):
        yield from _references(f"{path}.subjects.{key}", what, given, known)
    if binding.author is not None:
        yield from _references(f"{path}.author", "user", (binding.author,), declared.users, listed=False)
    role = declared.roles.get(binding.role)
    if role is None and binding.role not in USER_FACING:
        known_roles = _listed((*declared.roles, *USER_FACING))
        yield Fault(f"{path}.role", f"there is no role {shown(binding.role)}; known are {known_roles}")
    for position, namespace in enumerate(binding.namespaces):
        if namespace in binding.namespaces[:position]:
            yield Fault(f"{path}.namespaces[{position}]", f"{shown(namespace)} is given twice; name each once")
        else:
            yield from _namespace(f"{path}.namespaces[{position}]", namespace)
    if binding.namespaces and role and any(rule.non_resource_urls for rule in role.rules):
        yield Fault(
            f"{path}.role",
            f"{binding.role} has nonResourceURLs, which are in no namespace, so that they are not allowed by this; "
            "bind them in all namespaces with a role of their own",
        )
    if not binding.allow_escalation and (why := _escalates(binding)):
        yield Fault(
            f"{path}.role",
            f"{binding.role} {why}; bind a smaller role or name namespaces, or set allowEscalation: true",
        )


def _escalates(binding: Binding) -> str:
    """Why a role of Kubernetes gives more than its name says; empty where it does not."""
    if binding.role == USER_FACING[0]:
        return "may do everything, also give rights to others"
    if binding.role in ("admin", "edit") and binding.all_namespaces:
        return "may become any service account, in all namespaces those of control planes and of other users too"
    return ""


def _namespace(path: str, namespace: str) -> Iterator[Fault]:
    if fault := label_fault(namespace, LABEL_LENGTH, "since it is a namespace"):
        yield Fault(path, fault)
    elif namespace != _DEFAULT and (
        namespace in RESERVED_NAMESPACES or namespace.startswith(RESERVED_NAMESPACE_PREFIXES)
    ):
        yield Fault(
            path, f"the namespace {shown(namespace)} is of Kubernetes, of Istio or of the fleet; use one of your own"
        )


def _references(
    path: str, what: str, given: Iterable[str], known: Iterable[str], *, listed: bool = True
) -> Iterator[Fault]:
    known = tuple(known)
    counts = Counter[str]()
    for position, name in enumerate(given):
        place = f"{path}[{position}]" if listed else path
        counts[name] += 1
        if reserved(name):
            yield Fault(place, f"{shown(name)} is a name of Kubernetes itself; name a declared {what}")
        elif counts[name] > 1:
            yield Fault(place, f"{shown(name)} is given twice; name each once")
        elif name not in known:
            yield Fault(place, f"there is no {what} {shown(name)}; known are {_listed(known)}")


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _LISTED} more" if len(every) > _LISTED else ""
    return (", ".join(every[:_LISTED]) or "none") + more
