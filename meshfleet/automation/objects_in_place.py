"""What clusters have already of the propagated objects that are to be created in them, and which kinds they serve.

Clusters that answer are asked before the engine runs, and only for what the state does not have. So the same happens
whichever plugin creates objects: each of them either refuses whatever exists or takes it silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.automation.pending_objects import as_recorded, field_manager
from meshfleet.automation.state.recorded_propagations import RecordedObject, recorded_propagations
from meshfleet.automation.state.recorded_state import Deployment, description_of
from meshfleet.automation.state.taken_objects import Ground, TakenObject, ground_of, resource_of
from meshfleet.errors import ClusterError, MeshfleetError, RefusedError
from meshfleet.errors.faults import Fault
from meshfleet.federation.affinity import listed
from meshfleet.federation.propagated import Propagated, propagations
from meshfleet.files import read_text
from meshfleet.manifests.additions import with_additions
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.manifests.propagated_conflicts import as_found, verdict
from meshfleet.manifests.propagated_kinds import uncertain
from meshfleet.manifests.propagated_mark import mark_of
from meshfleet.manifests.propagations import SECTION, document_name, objects_in
from meshfleet.manifests.section import Document
from meshfleet.topology import Fleet
from meshfleet.topology.propagation.kinds import key_of

if TYPE_CHECKING:
    from meshfleet.automation.session import Session
    from meshfleet.kube.releases.server import JsonObject, Server

_WORKERS: Final = 16
_SECONDS: Final = 10.0
"""How long a cluster may take for one answer."""
_MANAGER: Final = "meshfleet"
_IMMUTABLE: Final = 422
_FOREIGN: Final = "before-meshfleet-"


@dataclass(frozen=True)
class InPlace:
    """An object that a cluster has and the state does not: why it is left alone, or as what it is recorded.

    `ours` says that this stack made it. `found` are the fields that are declared, as the cluster has them; None where
    it is refused.
    """

    document: str
    body: Mapping[str, object]
    refusal: str = ""
    ours: bool = False
    found: JsonObject | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    live: JsonObject = field(default_factory=dict)
    keep: bool = False


@dataclass(frozen=True)
class Answer:
    """What a cluster reports; `silent` where it does not, and then nothing is known of it."""

    objects: tuple[InPlace, ...] = ()
    silent: bool = False


def new_objects(fleet: Fleet, recorded: Mapping[str, Mapping[str, RecordedObject]]) -> dict[str, dict[str, Propagated]]:
    """The objects that clusters are to get and the state does not have, by cluster and document.

    None where Karmada brings them, which looks itself for what is there.
    """
    found: dict[str, dict[str, Propagated]] = {}
    if fleet.federation.engine != "direct":
        return found
    for cluster in fleet.clusters:
        names = {document_name(one.propagation, one.key): one for one in objects_in(fleet, cluster)}
        if new := {name: one for name, one in names.items() if name not in recorded.get(cluster, {})}:
            found[cluster] = new
    return found


def documents_of(fleet: Fleet, cluster: str) -> Sequence[Document]:
    """The documents of propagations in a cluster, additions of the user included."""
    return with_additions(fleet, cluster, SECTION.documents(fleet, cluster, Placeholders(fleet)))


def ask(session: Session, fleet: Fleet, new: Mapping[str, Mapping[str, Propagated]]) -> dict[str, Answer]:
    """What each cluster has of these objects; each is asked at once, within the bounds of its requests."""
    doors = _doors(session, new)
    with ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="in-place") as pool:
        asked = {name: pool.submit(_ask, fleet, name, frozenset(new[name]), door) for name, door in doors.items()}
        answers = {name: one.result() for name, one in asked.items()}
    return {name: answers.get(name, Answer(silent=True)) for name in new}


def resources(deployment: Deployment, answers: Mapping[str, Answer]) -> tuple[list[TakenObject], set[tuple[str, str]]]:
    """What is to be recorded before the engine runs; and cluster and document of what cannot be recorded yet."""
    found: list[TakenObject] = []
    waiting: set[tuple[str, str]] = set()
    for cluster, answer in answers.items():
        ground = ground_of(deployment, cluster)
        for one in answer.objects:
            if one.found is None:
                continue
            if ground is None:
                waiting.add((cluster, one.document))
            else:
                found.append(_taken(cluster, ground, one))
    return found, waiting


def leave_other_fields(session: Session, taken: Sequence[TakenObject]) -> None:
    """Let fields of others stay when objects are taken over, though both plugins count those of kubectl as their own.

    Only who manages the fields is written, under another name; an object that changed meanwhile is left as it is.
    Raises ClusterError for a cluster that no longer answers.
    """
    from meshfleet.kube.live_objects import path_of, subject

    foreign: dict[str, list[JsonObject]] = {}
    for one in taken:
        if not one.ours and (named := with_foreign_managers(one.live)):
            foreign.setdefault(one.cluster, []).append(named)
    for cluster, door in _doors(session, foreign).items():
        with door as server:
            for body in foreign[cluster]:
                with suppress(RefusedError):
                    server.replace(path_of(server, body), body, subject(body), manager=_MANAGER)


def with_foreign_managers(live: JsonObject) -> JsonObject | None:
    """The object with other names for the field managers that plugins take over; None where it has none. Pure."""
    from meshfleet.plugins.kubernetes.ownership import is_taken

    entries = live["metadata"].get("managedFields") or []
    if not any(map(is_taken, entries)):
        return None
    named = [{**one, "manager": f"{_FOREIGN}{one.get('manager')}"} if is_taken(one) else one for one in entries]
    return {**live, "metadata": {**live["metadata"], "managedFields": named}}


def unserved(session: Session, deployment: Deployment) -> list[Fault]:
    """A fault for each kind that a cluster which answers does not serve, for what it does not have yet."""
    fleet = session.topology
    recorded = recorded_propagations(deployment)
    asked = _uncertain(fleet, recorded)
    told: dict[tuple[str, str], list[str]] = {}
    whose: dict[tuple[str, str], Propagated] = {}
    for cluster, door in _doors(session, asked).items():
        for one, kind in _kinds_lacking(cluster, asked[cluster], door):
            told.setdefault((one.path, kind), []).append(cluster)
            whose[one.path, kind] = one
    return [
        Fault(f"{path}.kind", f"{listed(clusters)} {_unserved(kind, len(clusters))}")
        for (path, kind), clusters in told.items()
    ]


def unserved_objects(
    session: Session, fleet: Fleet, clusters: Mapping[str, Mapping[str, Propagated]]
) -> dict[tuple[str, str], str]:
    """The same for clusters that are up by now: why an object cannot come, by cluster and document."""
    asked = {name: found for name, each in clusters.items() if (found := uncertain(fleet, name, each.values()))}
    return {
        (cluster, document_name(one.propagation, one.key)): f"{one.key}: the cluster {_unserved(kind)}"
        for cluster, door in _doors(session, asked).items()
        for one, kind in _kinds_lacking(cluster, asked[cluster], door)
    }


def _unserved(kind: str, clusters: int = 1) -> str:
    verb = "does" if clusters == 1 else "do"
    return f"{verb} not serve {kind}; propagate its definition to there, install it, or use another version"


def _uncertain(fleet: Fleet, recorded: Mapping[str, Mapping[str, RecordedObject]]) -> dict[str, list[Propagated]]:
    placed = propagations(fleet)
    found = {}
    for cluster in fleet.clusters:
        there = recorded.get(cluster, {})
        changed = [one for one in placed.of(cluster) if _is_new(one, cluster, there)]
        if asked := uncertain(fleet, cluster, changed):
            found[cluster] = asked
    return found


def _is_new(one: Propagated, cluster: str, recorded: Mapping[str, RecordedObject]) -> bool:
    """Whether it is not there yet, or not in this version."""
    there = recorded.get(document_name(one.propagation, one.key))
    return there is None or there.body.get("apiVersion") != one.copies[cluster].body["apiVersion"]


def _kinds_lacking(
    cluster: str, asked: Sequence[Propagated], door: AbstractContextManager[Server]
) -> Iterator[tuple[Propagated, str]]:
    try:
        with door as server:
            for one in asked:
                version = str(one.copies[cluster].body["apiVersion"])
                if server.kind(version, one.key.kind) is None:
                    yield one, f"{one.key.kind} of {version}"
    except ClusterError:
        # What does not respond, or not this user, is reported by what follows.
        return


def _doors(session: Session, clusters: Mapping[str, object]) -> dict[str, AbstractContextManager[Server]]:
    """How to reach those of the clusters that are there already."""
    from meshfleet.kube.releases.server import connected

    if not clusters:
        return {}
    found: dict[str, AbstractContextManager[Server]] = {}
    for name in clusters:
        named = session.topology.clusters[name].capabilities.context
        if named and name in session.kubeconfigs:
            found[name] = connected(session.kubeconfigs[name].content, named.context, _SECONDS)
    built = [name for name in clusters if name not in found]
    if built and description_of(session.engine.recorded()) is not None:
        for cluster in session.status().clusters:
            text = read_text(Path(cluster.kubeconfig)) if cluster.kubeconfig else None
            if cluster.name in built and text:
                found[cluster.name] = connected(text, cluster.context, _SECONDS)
    return found


def _ask(fleet: Fleet, cluster: str, names: frozenset[str], door: AbstractContextManager[Server]) -> Answer:
    try:
        documents = [one for one in documents_of(fleet, cluster) if one.name in names]
        with door as server:
            return Answer(tuple(_found(fleet, server, documents)))
    except MeshfleetError:
        return Answer(silent=True)


def _found(fleet: Fleet, server: Server, documents: Sequence[Document]) -> Iterator[InPlace]:
    from meshfleet.kube.live_objects import as_applied, live

    resolutions = {name: one.conflict_resolution for name, one in fleet.propagations.items()}
    for document in documents:
        body = dict(document.body)  # type: ignore[arg-type]  # no propagated object is a release
        there = live(server, body)
        if there is None:
            continue
        mark = mark_of(body)
        said = verdict(body, there, overwrite=mark is not None and resolutions[mark.propagation] == "Overwrite")
        if said.refusal:
            yield InPlace(document.name, body, said.refusal)
            continue
        try:
            applied = as_applied(server, body, _MANAGER)
        except RefusedError as error:
            why = "cannot be changed to what is declared" if error.code == _IMMUTABLE else "cannot be taken over"
            yield InPlace(document.name, body, f"{key_of(body)} exists already and {why} ({error}); remove it")
            continue
        found = as_found(body, there, applied)
        yield InPlace(document.name, body, "", said.ours, found, there["metadata"], there, document.keep)


def _taken(cluster: str, ground: Ground, one: InPlace) -> TakenObject:
    from meshfleet.components.kubernetes_object import type_token
    from meshfleet.plugins.kubernetes.shapes import field_manager as manager_of

    token = type_token(str(one.body["apiVersion"]), str(one.body["kind"]))
    urn = ground.urn(token, cluster, one.document)
    manager = (field_manager(one.live, urn) if one.ours else None) or manager_of(urn, {}, None)
    begun = resource_of(ground, urn, token, one.found or {}, keep=one.keep)
    return TakenObject(cluster, key_of(one.body), as_recorded(begun, one.metadata, manager), one.ours, one.live)
