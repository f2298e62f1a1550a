"""Many propagated objects at once: brought in a run of their own, which records them together at its end.

A local backend writes the whole state twice for each resource that changes, so that hundreds of objects cost minutes
of writing. The engine can record once, at the end of a run, however that ends; what a kill then leaves is unrecorded.
So everything else is brought first, step by step as ever. Then the state gets what is about to be created as begun, as
the engine itself notes it: after a kill the next command finds those objects as it finds any that a killed run left.

Source: `unsafeServiceLoop` in pkg/backend/snapshot.go of pulumi/pulumi
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from meshfleet.automation.engine.urn_patterns import pattern_of, patterns_of
from meshfleet.automation.reporting.changes import Record
from meshfleet.automation.state.recorded_propagations import recorded_propagations
from meshfleet.automation.state.recorded_state import Deployment
from meshfleet.automation.state.taken_objects import Ground, ground_of, resource_of
from meshfleet.errors import EngineError, MeshfleetError
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.manifests.propagated_mark import mark_of
from meshfleet.manifests.propagated_waves import with_waiting
from meshfleet.manifests.propagations import SECTION
from meshfleet.manifests.section import Document
from meshfleet.topology import Fleet

if TYPE_CHECKING:
    from meshfleet.automation.session import Session

MANY: Final = 100
"""From so many objects on a run of their own is quicker."""
_IDENTIFYING: Final = ("name", "namespace", "labels", "annotations")

Objects = Mapping[str, frozenset[str]]
"""Documents by cluster."""
Run = Callable[[Sequence[str], bool], Record]
"""Runs the engine without what these patterns of URNs name; the second says whether each step is recorded."""


def many_objects(fleet: Fleet, deployment: Deployment, left: Sequence[str]) -> dict[str, frozenset[str]]:
    """The objects that clusters are to get, that change in them or go, without those in `left`; none for a few."""
    if fleet.federation.engine != "direct":
        return {}
    recorded, named = recorded_propagations(deployment), set(left)
    found: dict[str, frozenset[str]] = {}
    for cluster in fleet.clusters:
        there = {name: one.mark for name, one in recorded.get(cluster, {}).items()}
        declared = {one.name: mark_of(one.body) for one in _documents(fleet, cluster) if isinstance(one.body, dict)}
        differing = {name for name in there.keys() | declared.keys() if there.get(name) != declared.get(name)}
        if kept := {name for name in differing if pattern_of(cluster, name) not in named}:
            found[cluster] = frozenset(kept)
    return found if sum(map(len, found.values())) >= MANY else {}


def together(session: Session, fleet: Fleet, many: Objects, left: Sequence[str], run: Run) -> Record:
    """Bring everything else, and then these objects. Raises `EngineError` as `run` does.

    Where the first run does not complete, one in which each step is recorded brings what can be brought.
    """
    pairs = [(cluster, name) for cluster, names in many.items() for name in sorted(names)]
    held = with_waiting(fleet, pairs, recorded_propagations(session.engine.recorded()))
    try:
        record = run([*left, *patterns_of(held)], True)
    except EngineError:
        return run(left, True)
    session.engine.rewrite(lambda deployment: with_begun(deployment, fleet, many))
    try:
        record.changes += run(left, False).changes
    except EngineError as error:
        # An engine that was killed has recorded nothing.
        try:
            session.resume()
        except MeshfleetError as further:
            raise EngineError(f"{error}\n  {further}") from error
        raise
    # After an interrupt they stay begun, for the next command.
    session.engine.forget_pending(session.unsettled.clusters)
    return record


def with_begun(deployment: Deployment, fleet: Fleet, many: Objects) -> Deployment:
    """The state with those of the objects that it does not have as begun to be created. Pure.

    Of an object it has what identifies it: no data, which may be secret.
    """
    begun = list(deployment.get("pending_operations") or [])
    recorded = recorded_propagations(deployment)
    for cluster, names in many.items():
        ground = ground_of(deployment, cluster)
        new = names - recorded.get(cluster, {}).keys()
        if ground is not None:
            begun += _operations(ground, cluster, [one for one in _documents(fleet, cluster) if one.name in new])
    return {**deployment, "pending_operations": begun} if begun else deployment


def _operations(ground: Ground, cluster: str, documents: Sequence[Document]) -> Iterator[dict[str, Any]]:
    from meshfleet.components.kubernetes_object import type_token

    for one in documents:
        if not isinstance(one.body, dict):
            continue
        body = one.body
        token = type_token(str(body["apiVersion"]), str(body["kind"]))
        metadata = {key: body["metadata"][key] for key in _IDENTIFYING if key in body["metadata"]}
        inputs = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata}
        resource = resource_of(ground, ground.urn(token, cluster, one.name), token, inputs, keep=one.keep)
        yield {"resource": resource, "type": "creating"}


def _documents(fleet: Fleet, cluster: str) -> Sequence[Document]:
    return SECTION.documents(fleet, cluster, Placeholders(fleet))
