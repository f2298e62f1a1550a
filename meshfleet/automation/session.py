"""A session of one command on one stack: the stack file, its validated topology, and the engine on first use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from meshfleet.automation.blocked_clusters import blocked_clusters
from meshfleet.automation.checkout import Checkout
from meshfleet.automation.engine import disk_reserve
from meshfleet.automation.fleet_status import fleet_status
from meshfleet.automation.reporting.changes import Record
from meshfleet.automation.reporting.output import print_line
from meshfleet.automation.reporting.progress import progress_for
from meshfleet.automation.state.deployment import deployed_in
from meshfleet.components.issued_trust import read_issued_trust, with_read_roots
from meshfleet.components.kubeconfig_file import KubeconfigFile, kubeconfig_files
from meshfleet.errors import EngineError, MeshfleetError
from meshfleet.manifests.addition_faults import checked
from meshfleet.rollout.stages import Stage, stages
from meshfleet.sources import load
from meshfleet.topology import Fleet, StackFile, read_stack_file
from meshfleet.workspace.standing_evictions import fails_over, placed, told_by, with_evictions

if TYPE_CHECKING:
    from meshfleet.automation.engine.engine import Engine, Operation
    from meshfleet.automation.engine.environment import Environment
    from meshfleet.automation.identities import Reading
    from meshfleet.status import Status
    from meshfleet.workspace.failover_record import Kept

_PLACING = ("up", "preview", "drift", "reconcile")
"""The commands that deploy what is placed, or compare it with what is deployed."""


@dataclass
class Unsettled:
    """The clusters that did not respond while an interrupted run was cleaned up, and whether it was killed."""

    clusters: set[str] = field(default_factory=set)
    interrupted: bool = False


@dataclass(eq=False)
class Session:
    """Created by `open_session`, which has validated the stack file.

    Its topology has the evictions of this machine's record at first, and those of the state once that is read.
    """

    checkout: Checkout
    file: StackFile
    topology: Fleet
    quiet: bool
    # Resources of an interrupted run that the state does not have: the next `up` refreshes.
    unread: list[str] = field(default_factory=list, compare=False)
    unsettled: Unsettled = field(default_factory=Unsettled, compare=False)
    overridden: bool = False
    """Whether the topology is not what the stack file says by itself, so that the program is to be given it."""
    kubeconfigs: Mapping[str, KubeconfigFile] = field(default_factory=dict, repr=False)
    # The evictions that a shared backend's state had when this command began, and those that its runs wrote.
    known: list[Kept] = field(default_factory=list, repr=False)

    @cached_property
    def environment(self) -> Environment:
        """Prepared on first use: commands that only read the stack file need no tools."""
        from meshfleet.automation.engine.environment import prepare
        from meshfleet.automation.state.shared_backend import require_shared_secrets

        require_shared_secrets(self.checkout, self.file)
        environment = prepare(self.checkout, self.topology)
        if environment.notice:
            self.notify(environment.notice)
        return environment

    @cached_property
    def engine(self) -> Engine:
        """The engine on this stack."""
        # `validate` and `render` do not need Pulumi's SDK, whose import takes longer than they do.
        from meshfleet.automation.engine.engine import Engine

        return Engine(self.environment, self.file)

    @cached_property
    def reading(self) -> Reading:
        """The pending identities of the clusters in the stack file; started on first use."""
        from meshfleet.automation.identities import start_reading

        return start_reading(self.topology, self.kubeconfigs, self.checkout.home)

    @contextmanager
    def working(self, command: str, *, restore_state: bool = False) -> Iterator[None]:
        """Lock the stack, check its state, and clean up after an interrupted command.

        With `restore_state` a damaged or missing state is restored from its backup first (`local_state`).
        """
        from meshfleet.automation.engine.lock import locked
        from meshfleet.automation.engine.shared_plugins import shared_plugins
        from meshfleet.automation.state.local_state import settle_state

        if command == "up":
            disk_reserve.keep(self.environment.checkout.home)
        # Missing tools are built before the stack is locked.
        with locked(self.environment.checkout, self.file.stack, command) as lock, shared_plugins(self.environment):
            if self.environment.local_backend:
                settle_state(self.checkout, self.file.stack, restore=restore_state)
            try:
                if lock.interrupted and self.engine.exists():
                    print_line(f"the last command on {self.file.stack} was interrupted; resuming")
                    self.resume(interrupted=True)
                if command in _PLACING:
                    self._take_over_evictions()
                yield
            finally:
                lock.unsettled = bool(self.unsettled.clusters)

    def resume(self, *, interrupted: bool = False) -> None:
        """Clean up after an interrupted run, in the clusters first: the state has its pending operations.

        They stay in the state for a cluster that does not respond yet, as after a restart of the machine.
        """
        from meshfleet.automation.pending_objects import import_pending_objects

        self.unsettled.interrupted |= interrupted
        self._settle_releases(interrupted=interrupted)
        self.unread.extend(import_pending_objects(self))
        self.engine.forget_pending(self.unsettled.clusters)

    def _settle_releases(self, *, interrupted: bool = False) -> bool:
        """Settle unfinished Helm releases; whether there were any."""
        from meshfleet.automation.unfinished_releases import settle

        settled = settle(self, self.engine.recorded(), interrupted=interrupted)
        self.unread.extend(release.name for release in settled if release.half_done)
        return bool(settled)

    def _renew_credentials(self) -> None:
        """Replace recorded kubeconfigs of existing clusters, which a refresh uses, by the current ones."""
        from meshfleet.automation.current_kubeconfigs import renew

        for cluster in renew(self.engine, self.topology):
            self.notify(f"{cluster}: using its kubeconfig, which has changed since the last up")

    def place(self, kept: Kept) -> None:
        """Place the fleet with these evictions; runs of the engine get this fleet."""
        if fails_over(self.topology):
            self.topology = placed(self.topology, kept)
            # The program would read them itself, in the middle of a run that changes them.
            self.overridden = True

    def _take_over_evictions(self) -> None:
        """Go by what the state says of shares, which another machine may have moved, or another command since."""
        if fails_over(self.topology):
            from meshfleet.automation.evictions_in_force import take_over_evictions

            self.engine.read_again()
            kept = take_over_evictions(self)
            self.place(kept)
            if not self.environment.local_backend:
                self.known.append(replace(kept, pending={}))

    def notify(self, text: str) -> None:
        """Print a line, unless output is disabled."""
        if not self.quiet:
            print_line(text)

    def stages(self) -> tuple[Stage, ...]:
        """The rollout plan from the deployed to the declared fleet; a single unnamed stage if it takes one step.

        Raises TopologyError for files of certificate authorities that cannot be used; other commands need none.
        """
        target = with_read_roots(self.topology, read_issued_trust(self.topology))
        recorded = self.engine.recorded()
        found = stages(deployed_in(recorded), target)
        if not any(propagation.rollout for propagation in target.propagations.values()):
            return found
        from meshfleet.automation.propagation_waves import with_waves
        from meshfleet.workspace.wave_record import read_waves

        return with_waves(found, recorded, target, read_waves(self.checkout.workspace(self.file.stack)))

    def bring_up(self, title: str, *, refresh: bool, stage: Fleet | None = None, exclude: Sequence[str] = ()) -> Record:
        """Run `up`, in two runs if the last one did not distribute the new token of a cluster to every peer.

        The old token is kept until every peer has the new one. What `exclude` names, as URNs or patterns of them, stays
        as it is. Raises `EngineError` as `run` does.
        """
        if refresh:
            self._renew_credentials()
            self._settle_releases()
        refresh = refresh or bool(self.unread)
        self.unread.clear()
        left = [*exclude, *self._left_alone()]
        if not (stage or self.topology).propagations:
            return self._in_turn(title, refresh, stage, left)
        from meshfleet.automation.taking_over import around_what_is_there

        def run(excluded: list[str], *, again: bool) -> Record:
            return self._in_turn(title, refresh and not again, stage, excluded)

        return around_what_is_there(self, title, stage or self.topology, left, run)

    def _in_turn(self, title: str, refresh: bool, stage: Fleet | None, left: Sequence[str]) -> Record:
        """All in one run, or many propagated objects after everything else."""
        from meshfleet.automation.many_objects import many_objects, together

        fleet = stage or self.topology
        many = many_objects(fleet, self.engine.recorded(), left)
        if not many or not self.environment.local_backend:
            return self._bring_up(title, refresh, stage, left)

        def run(excluded: Sequence[str], stepwise: bool) -> Record:
            if stepwise:
                return self._bring_up(title, refresh, stage, excluded)
            return self.run("up", title, stage=stage, exclude=[*excluded], stepwise=False)

        return together(self, fleet, many, left, run)

    def _bring_up(self, title: str, refresh: bool, stage: Fleet | None, left: Sequence[str]) -> Record:
        superseded = self.engine.superseded_tokens()
        alone = {"exclude": [*left]} if left else {}
        if not superseded:
            return self.run("up", title, refresh=refresh, stage=stage, **alone)
        record = self.run("up", title, refresh=refresh, stage=stage, exclude=[*superseded, *left])
        record.changes += self.run("up", title, stage=stage, **alone).changes
        return record

    def _left_alone(self) -> list[str]:
        """What is elsewhere by now in clusters that do not respond; told by name."""
        if not self.topology.evictions:
            return []
        from meshfleet.automation.evicted_shares import out_of_reach, pending_lines

        found = out_of_reach(self)
        for line in pending_lines(found):
            self.notify(line)
        return [urn for urns in found.values() for urn in urns]

    def run(self, operation: Operation, title: str, **options: Any) -> Record:
        """Run an operation with progress, `on` another engine if one is passed.

        Raises `EngineError` with every failed resource.
        """
        if operation == "up" and self.known:
            from meshfleet.automation.evictions_in_force import require_unmoved, written_by

            require_unmoved(self, self.known)
            if written := written_by(options.get("stage") or self.topology):
                self.known.append(written)
        record = self._perform(operation, title, **options)
        if operation == "up" and self._can_resume(record, refreshed=bool(options.get("refresh"))):
            before, record = record, self._perform(operation, title, **options | {"refresh": True})
            record.changes = before.changes + record.changes
        if record.sentences():
            raise self._incomplete(title, record, self._consequences(record) if operation == "up" else [])
        if operation == "up" and self.unsettled.clusters:
            # Everything is deployed and recorded now.
            self.unsettled.clusters.clear()
            self.engine.forget_pending()
        return record

    def _consequences(self, record: Record) -> list[str]:
        """What follows from an `up` that did not complete, in words."""
        from meshfleet.automation.pending_revocations import pending_revocations

        blocked = blocked_clusters(self.topology, record)
        try:
            return [*blocked, *pending_revocations(self.topology, self.engine.recorded())]
        except MeshfleetError as error:
            # What failed first is named all the same.
            return [*blocked, f"which rights are not revoked yet is not known: {error}"]

    def _can_resume(self, record: Record, *, refreshed: bool) -> bool:
        """Whether to retry: the run failed on releases that are settled now, or on manually deleted objects."""
        from meshfleet.automation.unfinished_releases import stopped_by_releases

        if stopped_by_releases(record) and self._settle_releases():
            return True
        return bool(record.missing()) and not refreshed

    def compare(self, title: str) -> tuple[Record, list[str]]:
        """The differences from the stack, and the clusters that cannot be read, a line each.

        Stopped processes of a cluster are drift, which explains why its resources cannot be read.
        Raises `EngineError` when a resource cannot be read for another reason.
        """
        self._renew_credentials()
        record = self._perform("refresh", title)
        silent: dict[str, list[str]] = {}
        for place, texts in record.failures.items():
            silent.setdefault(place.cluster, []).append(" ".join(texts) or "no reason reported")
        if record.errors or not set(silent) <= {change.place.cluster for change in record.changes}:
            raise self._incomplete(title, record)
        return record, [
            f"{cluster}: {len(reasons)} resources cannot be read: {reasons[0]}" for cluster, reasons in silent.items()
        ]

    def _perform(self, operation: Operation, title: str, *, on: Engine | None = None, **options: Any) -> Record:
        with progress_for(title, quiet=self.quiet) as progress:
            return (on or self.engine).run(operation, progress.hear, **options)

    def _incomplete(self, title: str, record: Record, consequences: Sequence[str] = ()) -> EngineError:
        from meshfleet.automation.forgetting import advice

        command = title.partition(" ")[0]
        return EngineError(
            "\n  ".join([f"{title} did not complete:", *record.sentences(), *consequences, *record.remedies()])
            + f"\ncompleted changes are kept; fix the cause and run meshfleet {command} --stack {self.name} again"
            + advice(record.unreachable(), f"remove it from the stack file and run meshfleet up --stack {self.name}")
        )

    @property
    def name(self) -> str:
        """The stack as passed on the command line."""
        folder = self.file.path.parent.relative_to(self.checkout.stacks)
        return str(folder / self.file.stack)

    def status(self) -> Status:
        """The status of the running fleet, which the fleet is placed as. Raises as `fleet_status` does."""
        found = fleet_status(self.checkout, self.engine, self.topology)
        if kept := told_by(found):
            self.place(kept)
        return found


def open_session(stack: str, *, quiet: bool, host: str = "") -> Session:
    """Read and validate a stack file, with shares that are elsewhere for now. `host` takes the place of its host.

    Raises `TopologyError` with every fault, before any change, and FileError for a damaged record of evictions.
    """
    checkout = Checkout.here()
    file = read_stack_file(checkout.stacks, stack, nested=checkout.nested_stacks)
    config = {**file.config, "host": host} if host else file.config
    topology = with_evictions(checked(load(file.stack, config, project=checkout.root)), checkout.workspace(file.stack))
    files = kubeconfig_files(topology)
    return Session(checkout, file, topology, quiet, overridden=bool(host), kubeconfigs=files)
