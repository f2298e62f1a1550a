"""What interrupted runs leave of releases, made fit for the next run, whichever plugin that uses.

Helm refuses to work on a release whose newest record is pending, and to install one whose name has a record. An
engine that was killed may know nothing of a release that is there. Only records are touched, and only of releases
that carry our mark: the objects have the release's name on them, so that the next run takes them up.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from meshfleet.errors import ReleaseError
from meshfleet.kube.releases.owner import Owner
from meshfleet.kube.releases.record import DEPLOYED, FAILED, UNFINISHED
from meshfleet.kube.releases.server import Server
from meshfleet.kube.releases.stored import Revision, mark_failed, read, remove, revisions

_REASON: Final = "interrupted; the next upgrade completes it"

Name = tuple[str, str]
"""Namespace and name of a release."""


@dataclass(frozen=True)
class Known:
    """What the stack's state says: the releases that are recorded, and those that a killed run was working on.

    `urns` are those of all of them; `interrupted` when the last run of this stack on this machine did not end.
    """

    recorded: frozenset[Name]
    pending: frozenset[Name] = frozenset()
    urns: frozenset[str] = frozenset()
    interrupted: bool = False


@dataclass(frozen=True)
class Settled:
    """A release that was settled; `half_done` when its objects may be those of neither revision."""

    name: str
    what: str
    half_done: bool

    def __str__(self) -> str:
        return f"release {self.name}: {self.what}"


def settle(server: Server, owner: Owner, known: Known) -> list[Settled]:
    """Settle every release of `owner`. Raises ClusterError, ReleaseError."""
    found = revisions(server)
    done = []
    for (namespace, release), group in groupby(found, key=lambda revision: (revision.namespace, revision.release)):
        settled = _settle(server, owner, known, (namespace, release), list(group))
        if settled:
            done.append(settled)
    return done


def _settle(server: Server, owner: Owner, known: Known, name: Name, history: list[Revision]) -> Settled | None:
    newest = history[-1]
    recorded = name in known.recorded
    if recorded and newest.status not in UNFINISHED:
        return None
    if not recorded and newest.status not in UNFINISHED | {FAILED} and not (known.interrupted or name in known.pending):
        # It is whole, and nothing tells that it was this stack that made it.
        return None
    if not _is_ours(server, owner, known.urns, newest):
        return None
    text = "/".join(name)
    if not recorded:
        _remove(server, history)
        return Settled(text, f"was left {newest.status} and unknown to the stack; it is installed again over it", False)
    complete = [revision for revision in history if revision.status == DEPLOYED]
    if complete:
        _remove(server, [revision for revision in history if revision.number > complete[-1].number])
        return Settled(text, f"was left {newest.status}; revision {complete[-1].number} counts again", True)
    mark_failed(server, newest, _REASON)
    return Settled(text, f"was left {newest.status}; the next upgrade completes it", True)


def _is_ours(server: Server, owner: Owner, urns: frozenset[str], revision: Revision) -> bool:
    try:
        record = read(server, revision)
    except ReleaseError:
        # Damaged, so nothing tells whose it is.
        return False
    return record is not None and owner.owns(record, urns)


def _remove(server: Server, history: Collection[Revision]) -> None:
    # The newest first: were this interrupted, an older one would count.
    for revision in sorted(history, key=lambda revision: -revision.number):
        remove(server, revision)
