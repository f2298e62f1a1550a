"""Bindings and roles that give more than their author has, found as an API server finds them for one who writes them.

Bindings without an author are the stack file's own and need no proof. One with an author counts once all that it gives
is given to its author by bindings that count already, so that no user gains by bindings that answer for each other.
Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshfleet.errors.faults import Fault
from meshfleet.federation.affinity import listed
from meshfleet.federation.identities.authorizer import allowed_by, holds, of_user
from meshfleet.federation.identities.grants import Grant, grants
from meshfleet.federation.identities.policy import Request, described, uncovered
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.rbac.escalation import RBAC
from meshfleet.topology.rbac.policy_rule import PolicyRule

_LISTED = 3


def author_faults(fleet: Fleet) -> Iterator[Fault]:
    """Yield a fault for each binding, and each role, that gives what its author does not have where it gives it."""
    declared, every = fleet.identities, grants(fleet).bindings
    counting = [grant for grant in every if declared.bindings[grant.binding].author is None]
    waiting = [grant for grant in every if declared.bindings[grant.binding].author is not None]
    while proved := [grant for grant in waiting if not _missing(fleet, grant, counting)]:
        counting += proved
        waiting = [grant for grant in waiting if grant not in proved]
    for grant in waiting:
        author = declared.bindings[grant.binding].author
        place, lacking = _missing(fleet, grant, counting) or ("", [])
        yield Fault(
            f"identities.bindings.{grant.binding}",
            f"grants {listed(lacking, _LISTED)} in {place}, which its author {author} does not have there by other "
            f"bindings; bind the author to it first, or leave author out",
        )
    for name, role in declared.roles.items():
        clusters = dict.fromkeys(cluster for grant in every if grant.role == name for cluster in grant.clusters)
        for cluster in clusters if role.author else ():
            there = [grant for grant in counting if cluster in grant.clusters]
            if lacking := _lacking(fleet, role.author or "", there, "", role.rules):
                yield Fault(
                    f"identities.roles.{name}",
                    f"allows {listed(lacking, _LISTED)}, which its author {role.author} does not have in all "
                    f"namespaces of {cluster}; bind the author to it there, or leave author out",
                )
                break


def _missing(fleet: Fleet, grant: Grant, counting: Sequence[Grant]) -> tuple[str, list[str]] | None:
    """The first place in which the author lacks something that a binding grants, and what; None without one."""
    author = fleet.identities.bindings[grant.binding].author or ""
    identity = of_user(fleet, author)
    for cluster in grant.clusters:
        there = [each for each in counting if cluster in each.clusters]
        for namespace in grant.namespaces or ("",):
            may_bind = Request("bind", "clusterroles", RBAC, namespace, _object_name(fleet, grant.role))
            if allowed_by(there, identity, may_bind):
                continue
            if lacking := _lacking(fleet, author, there, namespace, grant.rules):
                return (f"{namespace} of {cluster}" if namespace else f"all namespaces of {cluster}"), lacking
    return None


def _lacking(
    fleet: Fleet, author: str, there: Sequence[Grant], namespace: str, wanted: Sequence[PolicyRule]
) -> list[str]:
    """What an author lacks in a namespace, or in all for an empty one, with these bindings; in words."""
    identity = of_user(fleet, author)
    owned = [
        rule
        for grant in there
        if holds(grant, namespace) and any(identity.matches(subject) for subject in grant.subjects)
        for rule in grant.rules
    ]
    return list(dict.fromkeys(map(described, uncovered(owned, wanted))))


def _object_name(fleet: Fleet, role: str) -> str:
    return cluster_role(role) if role in fleet.identities.roles else role


def cluster_role(role: str) -> str:
    """What the ClusterRole of a declared role is called: Kubernetes' own names, and those of charts, stay theirs."""
    return f"meshfleet:{role}"
