"""The groups that a user is in, and the users of a group, through groups within groups. Pure.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation: an API server knows
no groups within groups, and of an impersonated user only the groups that the request names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from meshfleet.topology.rbac.identities import Identities


def with_inner(identities: Identities, groups: Iterable[str]) -> tuple[str, ...]:
    """Groups and all groups within them, each once, in the order they are found."""
    return _closed(groups, {name: group.groups for name, group in identities.groups.items()})


def users_in(identities: Identities, groups: Iterable[str]) -> tuple[str, ...]:
    """The users of groups and of all groups within them, each once."""
    inner = with_inner(identities, groups)
    return tuple(dict.fromkeys(user for group in inner for user in identities.groups[group].users))


def groups_of(identities: Identities, user: str) -> tuple[str, ...]:
    """The groups that a user is in: those that name the user, and those that these are in."""
    outer: dict[str, list[str]] = {name: [] for name in identities.groups}
    for name, group in identities.groups.items():
        for inner in group.groups:
            outer[inner].append(name)
    return _closed((name for name, group in identities.groups.items() if user in group.users), outer)


def _closed(first: Iterable[str], following: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    waiting = list(first)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = None
            waiting += following[name]
    return tuple(found)
