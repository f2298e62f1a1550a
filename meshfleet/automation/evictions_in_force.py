"""The evictions that a command goes by: those of the stack's state, wherever the shares were moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meshfleet.automation.state.recorded_propagations import recorded_propagations
from meshfleet.automation.state.recorded_state import Deployment, description_of
from meshfleet.errors import EngineError, VerificationError
from meshfleet.federation.status_rows import eviction_rows, placed_rows
from meshfleet.manifests.propagations import document_name
from meshfleet.topology.propagation.kinds import ObjectKey
from meshfleet.workspace.failover_record import Kept, read_kept, write_kept
from meshfleet.workspace.standing_evictions import Holders, in_force, recorded_in

if TYPE_CHECKING:
    from collections.abc import Collection

    from meshfleet.automation.session import Session
    from meshfleet.topology import Fleet


def read_evictions(session: Session) -> Kept:
    """What holds now. Changes nothing, so that a look may use it without the lock of the stack.

    Raises EngineError for a state that cannot be read, FileError for a damaged record of this machine.
    """
    recorded = session.engine.recorded()
    kept = read_kept(session.checkout.workspace(session.file.stack))
    told = _told(recorded)
    holders = {
        cluster: {document: one.mark.propagation for document, one in each.items()}
        for cluster, each in recorded_propagations(recorded).items()
    }
    pending = {name: dict.fromkeys(clusters) for name, clusters in kept.pending.items()}
    for name, cluster in _unreported(recorded, holders):
        pending.setdefault(name, {})[cluster] = None
    known = replace(kept, pending={name: tuple(clusters) for name, clusters in pending.items()})
    return kept if told is None else in_force(session.topology, known, told, holders)


def _unreported(recorded: Deployment, holders: Holders) -> Iterator[tuple[str, str]]:
    """Propagations with the clusters that have an object of theirs where no complete run has reported it.

    A run that was killed brought it there, perhaps from another machine. Objects that no run has reported anywhere are
    for the next `up`.
    """
    from meshfleet.status import read_status

    description = description_of(recorded)
    try:
        rows = () if description is None else read_status(description).propagations
    except VerificationError as error:
        raise _unreadable(error) from None
    reported = {
        (row.name, document_name(row.name, ObjectKey(_group(one.api_version), one.kind, one.namespace, one.name))): {
            placed.cluster for placed in one.clusters
        }
        for row in rows
        for one in row.objects
    }
    for cluster, documents in holders.items():
        for document, name in documents.items():
            if cluster not in reported.get((name, document), {cluster}):
                yield name, cluster


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def require_unmoved(session: Session, known: Collection[Kept]) -> None:
    """Raise EngineError where the state has other evictions by now than those that are `known` to this command.

    The lock of the stack is one of this machine: with a shared backend another may move shares while this one waits
    between two runs. The engine locks the backend for each run alone.
    """
    session.engine.read_again()
    told = _told(session.engine.recorded())
    if told is not None and told not in known:
        raise EngineError(
            f"shares of {session.name} were moved from another machine since this command began, which would move them "
            "back; run the same command again, which keeps them where they are"
        )


def written_by(stage: Fleet) -> Kept | None:
    """What the state has once a run has brought up this fleet, without what is pending."""
    return Kept(stage.evictions, stage.evictions_before) if stage.reported is None else recorded_in(stage.reported)


def take_over_evictions(session: Session) -> Kept:
    """The same, and this machine's record has them from now on; requires the lock of the stack."""
    found, workspace = read_evictions(session), session.checkout.workspace(session.file.stack)
    if found != read_kept(workspace):
        write_kept(workspace, found)
    return found


def _told(recorded: Deployment) -> Kept | None:
    try:
        return recorded_in(description_of(recorded))
    except VerificationError as error:
        raise _unreadable(error) from None


def _unreadable(error: VerificationError) -> EngineError:
    return EngineError(f"where shares are cannot be read in the recorded state: {error}")


def reported_with(recorded: Deployment, stage: Fleet, moved: Collection[str]) -> dict[str, Any] | None:
    """The recorded status with where the shares are that a run moves, and nothing else that the stack file may say.

    None before the first `up`. Raises VerificationError for a status that cannot be read.
    """
    from meshfleet.status import read_status

    description: Mapping[str, Any] | None = description_of(recorded)
    if description is None:
        return None
    document = read_status(description).document()
    rows = {row["name"]: row for row in document.get("propagations", [])}
    rows |= {row["name"]: row for row in placed_rows(stage) if row["name"] in moved}
    before = stage.evictions_before
    return document | {
        "propagations": [rows[name] for name in sorted(rows)],
        "evictions": eviction_rows(stage.evictions),
        "evictionsBefore": None if before is None else eviction_rows(before),
    }
