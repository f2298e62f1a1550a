"""Every cluster has exactly the propagated objects that are placed in it, as they are declared there.

Each object is applied once more as a dry run: the API server itself says whether a field would change, after the
defaults and webhooks that no comparison here could know. What bears the mark of a propagation of the stack and is not
declared in its cluster is named as well.

Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from meshfleet.errors import RefusedError
from meshfleet.kube.live_objects import as_applied, labelled, live, subject
from meshfleet.kube.releases.server import JsonObject, Server
from meshfleet.manifests.objects import MANAGED_BY
from meshfleet.manifests.propagated_mark import mark_of
from meshfleet.topology.propagation.kinds import mapping
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.cluster_api import reach_objects
from meshfleet.verification.pods import some_of
from meshfleet.verification.propagated_view import PropagatedView
from meshfleet.verification.view import ClusterView, FleetView

_MANAGER: Final = "meshfleet-verify"
_LABELS: Final = ",".join(f"{key}={value}" for key, value in MANAGED_BY.items())
# Written by the API server for each request, or by controllers.
_NOT_DECLARED: Final = frozenset({"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"})
_IMMUTABLE: Final = 422


class PropagatedObjects(Check):
    """Reads every propagated object of a cluster, and what else bears the mark of the stack there."""

    name = "propagated-objects"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(cluster for cluster in fleet.clusters if cluster.name in fleet.propagated)

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        declared = fleet.propagated[cluster.name]
        with reach_objects(cluster, timeout) as server:
            return judge(cluster.name, declared, [*_lacking(server, declared), *_left(server, declared, fleet.stack)])


def judge(cluster: str, declared: PropagatedView, found: list[str]) -> Finding:
    """Whether a cluster has exactly what is declared; `found` is what it lacks and what is left, in words. Pure."""
    if not found:
        return Finding(True, f"{cluster} has exactly the {len(declared.objects)} propagated objects placed in it")
    return Finding(False, f"{cluster}: {some_of(found)}; run meshfleet up --refresh")


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields that applying an object would change, as paths of at most two keys. Pure."""
    return tuple(dict.fromkeys(_differing(_declared(before), _declared(after))))


def left_over(items: Iterable[JsonObject], stack: str, declared: frozenset[tuple[str, str]]) -> Iterator[str]:
    """The names of objects, of one kind, of the stack's propagations that are not declared in their cluster. Pure.

    `declared` has namespaces and names. What may stay when it leaves, or belongs to another object, is not counted.
    """
    for described in items:
        mark = mark_of({"metadata": described})
        place = (str(described.get("namespace") or ""), str(described.get("name")))
        ours = mark is not None and mark.stack == stack and not mark.kept
        if ours and place not in declared and not described.get("ownerReferences"):
            yield "/".join(filter(None, place))


def _lacking(server: Server, declared: PropagatedView) -> Iterator[str]:
    for body in declared.objects:
        there = live(server, body)
        if there is None:
            yield f"{subject(body)} is not there"
            continue
        try:
            changed = differing(there, as_applied(server, dict(body), _MANAGER))
        except RefusedError as error:
            if error.code != _IMMUTABLE:
                raise
            yield f"{subject(body)} differs in what cannot be changed"
            continue
        if changed:
            yield f"{subject(body)} differs from the stack file in {', '.join(changed)}"


def _left(server: Server, declared: PropagatedView, stack: str) -> Iterator[str]:
    for api_version, kind in declared.kinds:
        here = frozenset(
            (str(body["metadata"].get("namespace") or ""), str(body["metadata"]["name"]))
            for body in declared.objects
            if (body["apiVersion"], body["kind"]) == (api_version, kind)
        )
        for name in left_over(labelled(server, api_version, kind, _LABELS), stack, here):
            yield f"{kind} {name} is left of a propagation that does not place it there"


def _declared(body: Mapping[str, Any]) -> dict[str, Any]:
    described = {key: value for key, value in mapping(body.get("metadata")).items() if key not in _NOT_DECLARED}
    return {**body, "metadata": described, "status": None}


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*before, *after}):
        one, other = before.get(key), after.get(key)
        if one == other:
            continue
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from (f"{key}.{inner}" for inner in sorted({*one, *other}) if one.get(inner) != other.get(inner))
        else:
            yield key
