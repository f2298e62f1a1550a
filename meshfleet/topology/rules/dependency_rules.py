"""Whether declared rules for dependencies are about objects and kinds that there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.topology.draft import Draft
from meshfleet.topology.propagation.kinds import KUBERNETES_GROUPS, is_namespaced, kinds_of
from meshfleet.topology.propagation.propagation import Propagation

_LISTED = 5


def dependency_rules(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each rule that no object of its propagation is of, or that refers to no kind there is."""
    for name, propagation in draft.propagations.items():
        for position, rule in enumerate(propagation.dependency_rules):
            path = f"propagations.{name}.dependencyRules[{position}]"
            found = _objects(propagation, rule.api_version, rule.kind)
            if not found:
                known = dict.fromkeys(
                    f"{each.body['apiVersion']} {each.body['kind']}" for each in propagation.resources
                )
                more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
                yield Fault(
                    path,
                    f"no object of the propagation is a {rule.kind} of {rule.api_version}; it has "
                    f"{', '.join([*known][:_LISTED])}{more}",
                )
            for number, reference in enumerate(rule.references):
                place = f"{path}.references[{number}].kind"
                group, kind = reference.api_version.rpartition("/")[0], reference.kind
                namespaced = is_namespaced(group, kind)
                if group in KUBERNETES_GROUPS and namespaced is None:
                    yield Fault(
                        place,
                        f"{shown(kind)} of {reference.api_version} is no object that clusters keep for a user; known "
                        f"of this group are {', '.join(kinds_of(group)) or 'none'}",
                    )
                elif namespaced and (outside := [each for each in found if not each["metadata"].get("namespace")]):
                    yield Fault(
                        place,
                        f"a {kind} is in a namespace, and {rule.kind} {outside[0]['metadata']['name']}, which has the "
                        f"field, is in none to look for it; declare the {kind} where it is to be",
                    )


def _objects(propagation: Propagation, version: str, kind: str) -> list[dict[str, Any]]:
    return [
        each.body for each in propagation.resources if each.body["apiVersion"] == version and each.body["kind"] == kind
    ]
