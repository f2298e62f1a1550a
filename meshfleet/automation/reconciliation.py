"""`reconcile`: look at every cluster, move the shares of those that stay unreachable, and take them back.

A move has two steps, and each is an `up` of the moved objects alone, in the clusters that answer. First every cluster
has what the placement of before or the one of after gives it; once the new home is ready what is no longer placed is
taken away. Where a cluster does not respond it stays, pending, and is removed by the first round that finds it again.
The stack is locked for a move, not for a look. What is elsewhere is what the state of the stack says, whichever machine
moved it; each step writes it there, at its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from meshfleet.automation.engine.urn_patterns import pattern_of
from meshfleet.automation.evicted_shares import answering, lines_of
from meshfleet.automation.evictions_in_force import read_evictions, reported_with
from meshfleet.automation.new_homes import outages_of, require_ready, seconds_until_served, wait_for_proxies
from meshfleet.automation.session import Session, open_session
from meshfleet.errors import ClusterError, UnsupportedError, VerificationError
from meshfleet.federation.failover import Choice, Move, Transfer, decide, moment, settled, transfer
from meshfleet.federation.propagated import propagations
from meshfleet.federation.reachability import Reachability, after_looks
from meshfleet.files import read_text
from meshfleet.manifests.propagations import SECTION, document_name
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.redaction.shown import shown
from meshfleet.topology import Fault, Fleet, TopologyError
from meshfleet.workspace.failover_record import Kept, read_kept, read_looks, write_kept, write_looks

if TYPE_CHECKING:
    from meshfleet.status import Status

READY_SECONDS: Final = 300.0
"""How long a new home may take to be ready before the round fails, with what it lacks."""

RECORD_SECONDS: Final = 60.0
"""How long a reading of the state is relied on between moves: with a shared backend each one is a request to it."""

Access = Mapping[str, tuple[str, str | None]]
"""Kubeconfig and context of each cluster."""


@dataclass
class Round:
    """One look at a fleet and what followed from it: what moved, what stays and why, a line each."""

    looks: Mapping[str, Reachability]
    moved: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self, stack: str) -> dict[str, Any]:
        """What `reconcile --json` prints."""
        clusters = {
            name: {"answers": look.answers, "since": moment(look.since)} for name, look in sorted(self.looks.items())
        }
        return {
            "ok": True,
            "stack": stack,
            "clusters": clusters,
            "moved": self.moved,
            "notes": self.notes,
            "seconds": round(self.seconds, 1),
        }


@dataclass
class Reconciler:
    """Reconciles one stack, round by round. `clock` gives the time in seconds since the epoch."""

    stack: str
    quiet: bool
    recover: Collection[str] = ()
    clock: Callable[[], float] = time.time
    moving: bool = False
    """Whether a move is under way, whose interruption the next command has to settle."""
    _access: Access = field(default_factory=dict, repr=False)
    _kept: Kept | None = field(default=None, repr=False)
    _read_at: float = field(default=0.0, repr=False)

    def round(self) -> Round:
        """Look once, and move what is due.

        Raises `TopologyError` for the stack file, `EngineError` for a fleet that is not up and for a move that failed,
        `LockedError` while another command has the stack, `ClusterError` for a new home that is not ready in time, and
        `UnsupportedError` where another engine than this one moves shares.
        """
        start = time.monotonic()
        session = open_session(self.stack, quiet=self.quiet)
        if session.topology.federation.engine != "direct":
            raise UnsupportedError(
                f"{session.file.stack}: its engine is {session.topology.federation.engine}, which moves shares by "
                "itself; meshfleet reconcile is for the engine direct"
            )
        self._require_known(session.topology)
        workspace = session.checkout.workspace(session.file.stack)
        if not self._access.keys() >= session.topology.clusters.keys():
            self._access = _access(session.status())
        kept = self._place(session)
        answers = answering({name: self._access[name] for name in session.topology.clusters if name in self._access})
        now = self.clock()
        looks = after_looks(read_looks(workspace), now, answers)
        write_looks(workspace, looks)
        found = Round(looks)
        choice, silent = self._choice(session, found, now)
        if any(answers.values()) and not silent and _is_due(session.topology, choice, kept, answers):
            # Whatever becomes of it, the next round reads the state again.
            self._kept = None
            with session.working("reconcile"):
                # The lock has read the state: another command, here or elsewhere, may have moved them meanwhile.
                choice, silent = self._choice(session, found, now)
                if not silent:
                    self.moving = True
                    found.moved = _Round(session, choice, answers, self._access).run()
                    self.moving = False
                self._access = {}
            session = open_session(self.stack, quiet=self.quiet)
            self._place(session)
        # It takes back what is elsewhere now, not what will be.
        self.recover = [name for name in self.recover if not answers.get(name)] if not silent else self.recover
        waiting = [
            f"{name}: does not respond and is to get a share; nothing moves before it does"
            if name in answers
            else f"{name}: is not deployed and is to get a share; nothing moves before meshfleet up has deployed it"
            for name in silent
        ]
        found.notes = [
            *_waiting(session.topology, looks, now),
            *waiting,
            *lines_of(session.topology),
            *_staying(choice),
        ]
        found.seconds = time.monotonic() - start
        return found

    def _require_known(self, fleet: Fleet) -> None:
        if unknown := [name for name in self.recover if name not in fleet.clusters]:
            known = ", ".join(sorted(fleet.clusters))
            raise TopologyError([Fault("--recover", f"no cluster is named {shown(unknown[0])}; known are {known}")])

    def _place(self, session: Session) -> Kept:
        """Place the fleet as the state says, which is read once in a while."""
        if self._kept is None or time.monotonic() - self._read_at > RECORD_SECONDS:
            self._kept, self._read_at = read_evictions(session), time.monotonic()
        session.place(self._kept)
        return self._kept

    def _choice(self, session: Session, found: Round, now: float) -> tuple[Choice, list[str]]:
        """What is to be done, and the clusters that are to get a share and do not respond."""
        choice = decide(session.topology, found.looks, now, self.recover)
        if choice.evictions == session.topology.evictions and session.topology.evictions_before is None:
            return choice, []
        homes = dict.fromkeys(move.cluster for move in transfer(session.topology, choice.evictions).awaited)
        return choice, [name for name in homes if not (name in found.looks and found.looks[name].answers)]


def _access(status: Status) -> Access:
    return {
        cluster.name: (read_text(Path(cluster.kubeconfig)) or "", cluster.context)
        for cluster in status.clusters
        if cluster.kubeconfig
    }


def _is_due(fleet: Fleet, choice: Choice, kept: Kept, answers: Mapping[str, bool]) -> bool:
    """Whether anything is to be done with the stack locked."""
    found_again = any(answers.get(cluster) for clusters in kept.pending.values() for cluster in clusters)
    return found_again or fleet.evictions_before is not None or choice.evictions != fleet.evictions


def _waiting(fleet: Fleet, looks: Mapping[str, Reachability], now: float) -> list[str]:
    """A line for each cluster that does not respond and whose shares wait."""
    found = []
    for cluster, look in looks.items():
        waits = [
            one.failover.after_seconds
            for name, one in fleet.propagations.items()
            if one.failover and cluster not in fleet.evictions.get(name, {})
        ]
        if not look.answers and waits:
            left = max(0.0, min(waits) - look.seconds(now))
            found.append(
                f"{cluster}: no response since {moment(look.since)}; shares move in {left:.0f} s at the earliest"
            )
    return found


def _staying(choice: Choice) -> list[str]:
    return [f"{name}: stays where it is: {why}" if name else why for name, why in choice.staying.items()]


@dataclass(frozen=True)
class _Round:
    """One move from the placement that is settled to the one that is chosen, with the stack locked."""

    session: Session
    choice: Choice
    answers: Mapping[str, bool]
    access: Access

    def run(self) -> list[str]:
        """Do it; a line for each thing that an object gained or lost, and for what is pending."""
        fleet, workspace = self.session.topology, self.session.checkout.workspace(self.session.file.stack)
        kept = read_kept(workspace)
        after, old, way = self.choice.evictions, settled(fleet), transfer(fleet, self.choice.evictions)
        gained, lost = way.gained, way.lost
        if way.awaited:
            # What another move brought there stays on record, and in its place, until the new homes are ready.
            elsewhere = fleet is not old and after != fleet.evictions
            if not elsewhere:
                write_kept(workspace, replace(kept, evictions=after, before=old.evictions))
            self._up(way.both, "new homes", way.awaited, spared=way.given_up, reported=fleet if elsewhere else way.both)
            for move in way.awaited:
                self._await(move)
            self._await_endpoints(way)
            if elsewhere:
                write_kept(workspace, replace(kept, evictions=after, before=old.evictions))
                self._up(way.both, "new homes are ready", (), spared=way.given_up)
        pending = _pending(kept, lost)
        gone = {name for clusters in kept.pending.values() for name in clusters if self.answers.get(name)}
        if lost or gone or fleet is not old or after != old.evictions:
            # All of it is pending until the engine has removed it: it may be killed in the middle.
            write_kept(workspace, Kept(after, None, pending))
            self._up(way.new, "what is elsewhere", lost, self._left(kept, gone))
            write_kept(workspace, Kept(after, None, _silent(pending, self.answers)))
        return [*map(_line, gained), *(self._lost(move) for move in lost), *_removed(kept, gone, gained)]

    def _left(self, kept: Kept, found_again: Collection[str]) -> set[tuple[str, str]]:
        """Clusters and propagations of what was left in clusters that respond again."""
        return {
            (cluster, name) for name, clusters in kept.pending.items() for cluster in clusters if cluster in found_again
        }

    def _up(
        self,
        stage: Fleet,
        what: str,
        moved: Iterable[Move],
        left: Iterable[tuple[str, str]] = (),
        *,
        spared: Iterable[Move] = (),
        reported: Fleet | None = None,
    ) -> None:
        """Bring up what is moved, in the clusters that answer; nothing else is touched, or queried.

        What is `spared` stays as it is. The state has the evictions of `reported` at the end, else those of `stage`.
        """
        moved, left, spared = list(moved), list(left), list(spared)
        concerned = {move.one.propagation for move in (*moved, *spared)} | {name for _, name in left}
        staying = {(move.cluster, document_name(move.one.propagation, move.one.key)) for move in spared}
        placed = propagations(stage)
        wanted = {(move.cluster, document_name(move.one.propagation, move.one.key)) for move in moved}
        wanted |= {
            (cluster, document_name(one.propagation, one.key))
            for cluster, name in left
            for one in placed.objects
            if one.propagation == name
        }
        targets: list[str] = []
        for cluster in self.session.topology.clusters:
            if not self.answers.get(cluster):
                continue
            # A component goes with the last object in it, so it stays with what is spared.
            if placed.of(cluster) or not any(cluster == one for one, _ in staying):
                targets.append(f"**:{SECTION.component}::{cluster}")
            targets += (pattern_of(cluster, name) for one, name in sorted(wanted - staying) if one == cluster)
        if not targets:
            # Without targets the engine would deploy the whole stack file.
            raise ClusterError("no cluster responds, so nothing moves; run the same command again when one does")
        told = reported_with(self.session.engine.recorded(), reported or stage, concerned)
        stage = stage.model_copy(update={"reported": told})
        self.session.notify(f"{what}: {', '.join(sorted(concerned))}" if concerned else what)
        self.session.run("up", f"reconcile {self.session.name}", stage=stage, target=targets)

    def _await(self, move: Move) -> None:
        """Wait until an object is ready in its new home. Raises ClusterError."""
        cluster = self.session.topology.clusters[move.cluster]
        if cluster.capabilities.pods == "simulated" or move.cluster not in self.access:
            return
        what = f"{move.one.key.kind} {move.one.key.name} in {move.cluster}"
        wait_until(
            lambda: require_ready(move, self.access[move.cluster], what),
            f"{what} to be ready",
            READY_SECONDS,
            f"what it replaces stays as it is; fix the cause and run meshfleet reconcile --stack {self.session.name} "
            "again",
            every=0.2,
            failure=ClusterError,
        )

    def _await_endpoints(self, way: Transfer) -> None:
        """Wait until every istiod that answers knows the endpoints of the new homes. Raises ClusterError."""
        from meshfleet.automation.known_endpoints import services_of, unknown

        clusters = self.session.topology.clusters
        running = [move for move in way.awaited if clusters[move.cluster].capabilities.pods != "simulated"]
        services = services_of(way.both, running)
        if not services:
            return
        from meshfleet.verification import read_fleet

        view = read_fleet(self.session.status(), self.session.environment.tools, self.session.checkout.home)

        def look() -> None:
            try:
                lacking = unknown(view, services, self.answers)
            except VerificationError as error:
                lacking = [str(error)]
            if lacking:
                raise NotYetError("; ".join(lacking))

        def known() -> None:
            wait_until(
                look,
                "the endpoints of the new homes",
                READY_SECONDS,
                "what they replace stays as it is; fix the cause and run meshfleet reconcile --stack "
                f"{self.session.name} again",
                every=0.2,
                failure=ClusterError,
            )

        known()
        if any(self.answers.get(move.cluster) for move in way.lost):
            homes = {home: {move.one.propagation for move in running if move.cluster == home} for home in services}
            outages = outages_of(settled(self.session.topology).evictions, homes, time.time())
            wait_for_proxies(seconds_until_served(way.both, outages), self.session.notify)
            # By now every istiod is back at the API servers there; the pods may have come later than their endpoints.
            known()

    def _lost(self, move: Move) -> str:
        if self.answers.get(move.cluster):
            return _line(move)
        return f"{move.one.propagation}: {_what(move)} stays in {move.cluster}, pending until it responds"


def _pending(kept: Kept, lost: Iterable[Move]) -> dict[str, tuple[str, ...]]:
    """The clusters that something is to be taken from, of this move and of those before, by propagation."""
    found = {name: dict.fromkeys(clusters) for name, clusters in kept.pending.items()}
    for move in lost:
        found.setdefault(move.one.propagation, {})[move.cluster] = None
    return {name: tuple(clusters) for name, clusters in found.items()}


def _silent(pending: Mapping[str, Iterable[str]], answers: Mapping[str, bool]) -> dict[str, tuple[str, ...]]:
    """Those of them that do not respond."""
    found = {name: tuple(one for one in clusters if not answers.get(one)) for name, clusters in pending.items()}
    return {name: clusters for name, clusters in found.items() if clusters}


def _what(move: Move) -> str:
    return f"{move.one.key.kind} {move.one.key.name}"


def _line(move: Move) -> str:
    count = "" if move.after is None else f": {move.before or 0} → {move.after} replicas"
    verb = "gains" if move.gains else "loses"
    return f"{move.one.propagation}: {move.cluster} {verb} {_what(move)}{count}"


def _removed(kept: Kept, found_again: Collection[str], gained: Iterable[Move]) -> list[str]:
    back = {(move.one.propagation, move.cluster) for move in gained}
    return [
        f"{name}: what was left in {cluster} is removed"
        for name, clusters in kept.pending.items()
        for cluster in clusters
        if cluster in found_again and (name, cluster) not in back
    ]
