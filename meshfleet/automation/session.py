"""One command's look at one stack: its file, its checked topology, and the engine when it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.engine import disk_reserve
from meshfleet.automation.fleet_status import fleet_status
from meshfleet.automation.reporting.changes import Record
from meshfleet.automation.reporting.output import say
from meshfleet.automation.reporting.progress import progress_for
from meshfleet.automation.state.deployment import deployed_in
from meshfleet.automation.unserved import unserved
from meshfleet.components.kubeconfig_file import KubeconfigFile, kubeconfig_files
from meshfleet.errors import EngineError
from meshfleet.manifests.addition_faults import checked
from meshfleet.rollout.stages import Stage, stages
from meshfleet.topology import Fleet, StackFile, load, read_stack_file

if TYPE_CHECKING:
    from meshfleet.automation.engine.engine import Engine, Operation
    from meshfleet.automation.engine.environment import Environment
    from meshfleet.automation.identities import Reading
    from meshfleet.status import Status


@dataclass
class Unsettled:
    """The clusters that did not answer yet when what an unfinished run left was settled, and whether it was killed."""

    clusters: set[str] = field(default_factory=set)
    interrupted: bool = False


@dataclass(frozen=True)
class Session:
    """Made by `open_session`, which has checked the stack file already."""

    checkout: Checkout
    file: StackFile
    topology: Fleet
    quiet: bool
    # What an interrupted run left in the clusters, which the state does not tell: the next `up` refreshes.
    unread: list[str] = field(default_factory=list, compare=False)
    unsettled: Unsettled = field(default_factory=Unsettled, compare=False)
    kubeconfigs: Mapping[str, KubeconfigFile] = field(default_factory=dict, repr=False)

    @cached_property
    def environment(self) -> Environment:
        """Prepared on first use: commands that only look at the stack file need no tools."""
        from meshfleet.automation.engine.environment import prepare
        from meshfleet.automation.state.shared_backend import require_shared_secrets

        require_shared_secrets(self.checkout, self.file)
        environment = prepare(self.checkout, self.topology)
        if environment.notice:
            self.tell(environment.notice)
        return environment

    @cached_property
    def engine(self) -> Engine:
        """The engine on this stack."""
        # Pulumi's SDK takes longer to import than `validate` and `render` take in all, and they need none of it.
        from meshfleet.automation.engine.engine import Engine

        return Engine(self.environment, self.file)

    @cached_property
    def reading(self) -> Reading:
        """What is being read of each cluster that the stack file leads to; begun by the first look."""
        from meshfleet.automation.identities import start_reading

        return start_reading(self.topology, self.kubeconfigs, self.checkout.home)

    @contextmanager
    def working(self, command: str, *, restore_state: bool = False) -> Iterator[None]:
        """Hold the stack, its state whole and what a killed command left behind settled.

        With `restore_state` a state that is damaged or gone is that of its backup first (`local_state`).
        """
        from meshfleet.automation.engine.lock import locked
        from meshfleet.automation.engine.shared_plugins import shared_plugins
        from meshfleet.automation.state.local_state import settle_state

        if command == "up":
            disk_reserve.keep(self.environment.checkout.home)
        # Whatever the environment lacks is built before the stack is held.
        with locked(self.environment.checkout, self.file.stack, command) as lock, shared_plugins(self.environment):
            if self.environment.local_backend:
                settle_state(self.checkout, self.file.stack, restore=restore_state)
            try:
                if lock.interrupted and self.engine.exists():
                    say(f"the last command on {self.file.stack} was interrupted; going on from there")
                    self.go_on(interrupted=True)
                yield
            finally:
                lock.unsettled = bool(self.unsettled.clusters)

    def go_on(self, *, interrupted: bool = False) -> None:
        """Settle what a run that did not end has left, in the clusters first: the state tells what it was at.

        Of a cluster that does not answer yet, as after a restart of the machine, that stays in the state.
        """
        from meshfleet.automation.unrecorded_objects import record_them

        self.unsettled.interrupted |= interrupted
        self._settle_releases(interrupted=interrupted)
        self.unread.extend(record_them(self))
        self.engine.forget_pending(self.unsettled.clusters)

    def _settle_releases(self, *, interrupted: bool = False) -> bool:
        """Whether there was anything to settle."""
        from meshfleet.automation.unfinished_releases import settle

        settled = settle(self, self.engine.recorded(), interrupted=interrupted)
        self.unread.extend(release.name for release in settled if release.half_done)
        return bool(settled)

    def _renew_credentials(self) -> None:
        """Refreshing works with recorded kubeconfigs; those of existing clusters may have been rotated since."""
        from meshfleet.automation.living_kubeconfigs import renew

        for cluster in renew(self.engine, self.topology):
            self.tell(f"{cluster}: its kubeconfig has changed since the last up; the new one is used")

    def tell(self, text: str) -> None:
        """A line for people, unless they asked for none."""
        if not self.quiet:
            say(text)

    def stages(self) -> tuple[Stage, ...]:
        """The way from what is deployed to what the stack file says; one stage without a name when it is one step."""
        return stages(deployed_in(self.engine.recorded()), self.topology)

    def bring_up(self, title: str, *, refresh: bool, stage: Fleet | None = None) -> Record:
        """Run `up`, in two parts where the last one could not give every peer the new token of a cluster.

        The old token stays until each of them has been given the new one. Raises `EngineError` as `run` does.
        """
        if refresh:
            self._renew_credentials()
            self._settle_releases()
        refresh = refresh or bool(self.unread)
        self.unread.clear()
        superseded = self.engine.superseded_tokens()
        if not superseded:
            return self.run("up", title, refresh=refresh, stage=stage)
        record = self.run("up", title, refresh=refresh, stage=stage, exclude=superseded)
        record.changes += self.run("up", title, stage=stage).changes
        return record

    def run(self, operation: Operation, title: str, **options: Any) -> Record:
        """Run an operation with progress, `on` another engine where one is given.

        Raises `EngineError` naming every resource that failed.
        """
        record = self._perform(operation, title, **options)
        if operation == "up" and self._can_go_on(record, refreshed=bool(options.get("refresh"))):
            before, record = record, self._perform(operation, title, **options | {"refresh": True})
            record.changes = before.changes + record.changes
        if record.sentences():
            raise self._incomplete(title, record, unserved(self.topology, record) if operation == "up" else [])
        if operation == "up" and self.unsettled.clusters:
            # Everything is there now, and recorded.
            self.unsettled.clusters.clear()
            self.engine.forget_pending()
        return record

    def _can_go_on(self, record: Record, *, refreshed: bool) -> bool:
        """Whether a run was stopped by what is settled now, or by objects that a refresh would have missed."""
        from meshfleet.automation.unfinished_releases import stopped_by_releases

        if stopped_by_releases(record) and self._settle_releases():
            return True
        return bool(record.missing()) and not refreshed

    def compare(self, title: str) -> tuple[Record, list[str]]:
        """What differs from the stack, and what cannot be read any more, a line for each cluster.

        A cluster whose own processes are not as they should be is drift; that nothing in it answers follows.
        Raises `EngineError` when something cannot be read and nothing tells why.
        """
        self._renew_credentials()
        record = self._perform("refresh", title)
        silent: dict[str, list[str]] = {}
        for place, texts in record.failures.items():
            silent.setdefault(place.cluster, []).append(" ".join(texts) or "no reason was given")
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
            + f"\nwhat was done is kept; fix the cause and run meshfleet {command} --stack {self.name} again"
            + advice(record.unreachable(), f"take it out of the stack file and run meshfleet up --stack {self.name}")
        )

    @property
    def name(self) -> str:
        """The stack as it is given on the command line."""
        folder = self.file.path.parent.relative_to(self.checkout.stacks)
        return str(folder / self.file.stack)

    def status(self) -> Status:
        """The status of the running fleet. Raises as `fleet_status` does."""
        return fleet_status(self.checkout, self.engine, self.topology)


def open_session(stack: str, *, quiet: bool) -> Session:
    """Read and check a stack file. Raises `TopologyError` with every fault, before anything is touched."""
    checkout = Checkout.here()
    file = read_stack_file(checkout.stacks, stack, nested=checkout.nested_stacks)
    topology = checked(load(file.stack, file.config))
    return Session(checkout, file, topology, quiet, kubeconfigs=kubeconfig_files(topology))
