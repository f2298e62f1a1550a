"""A stack in a shared backend that two machines run commands on, each of which may be killed at any step."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from meshfleet.automation import reconciliation
from meshfleet.automation.reporting.changes import Record
from meshfleet.automation.session import Session
from meshfleet.federation.failover import Choice, Move
from meshfleet.federation.status_rows import eviction_rows, placed_rows
from meshfleet.manifests.propagated_mark import Mark
from meshfleet.topology import Fleet
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.standing_evictions import with_evictions
from tests.automation.made_up_session import STATUS
from tests.federation.test_failover_decisions import fleet, in_order, shares

DECLARED = fleet(placement=in_order("b", "c", "a"))
OBJECT = "propagation-web-deployment-shop-web"
KIND = "kubernetes:apps/v1:Deployment"


class KilledError(Exception):
    """A command was killed."""


@dataclass
class SharedStack:
    """Its state: what every cluster has, and the output `fleet`. Each cluster of `ready` has a copy that serves.

    `kill` says at which run of the engine it is killed (the first is 1), and whether before it, in its middle or after.
    """

    description: dict[str, Any] | None = None
    copies: set[str] = field(default_factory=set)
    ready: set[str] = field(default_factory=set)
    kill: tuple[int, str] = (0, "")
    runs: int = 0

    def recorded(self) -> dict[str, Any]:
        outputs = {"fleet": self.description} if self.description else {}
        stack = {"urn": "urn:pulumi:test::meshfleet::pulumi:pulumi:Stack::s", "type": "pulumi:pulumi:Stack"}
        return {"resources": [stack | {"outputs": outputs}, *map(_resource, sorted(self.copies))]}

    def read_again(self) -> None:
        """Nothing is kept of an earlier reading."""

    def deploy(self, placed: Fleet, description: dict[str, Any] | None, target: list[str] | None) -> None:
        """One run of the engine, of its targets alone: what clusters have, and at its end the output."""
        self.runs += 1
        run, when = self.kill
        if (run, when) == (self.runs, "before"):
            raise KilledError
        wanted = {name for name, count in shares(placed).items() if count}
        for name in placed.clusters:
            if target is None or any(one.endswith(f"::{name}/{OBJECT}") for one in target):
                self.copies = self.copies | {name} if name in wanted else self.copies - {name}
        self.ready &= self.copies
        if (run, when) == (self.runs, "within"):
            raise KilledError
        rows = {"evictions": eviction_rows(placed.evictions), "propagations": placed_rows(placed)}
        before = placed.evictions_before
        rows["evictionsBefore"] = None if before is None else eviction_rows(before)  # type: ignore[assignment]
        self.description = description or STATUS | rows
        if (run, when) == (self.runs, "after"):
            raise KilledError


def _resource(cluster: str) -> dict[str, Any]:
    metadata = {"name": "web", "annotations": Mark("test", "web", "x").annotation()}
    return {
        "urn": f"urn:pulumi:test::meshfleet::{KIND}::{cluster}/{OBJECT}",
        "type": KIND,
        "inputs": {"metadata": metadata},
    }


class OnMachine(Session):
    """A session of one machine on the stack."""

    name = "test"

    def _perform(self, operation: Any, title: str, **options: Any) -> Record:
        stage = options["stage"]
        self.stack.deploy(stage, stage.reported, options.get("target"))
        return Record()

    @property
    def stack(self) -> SharedStack:
        found: SharedStack = self.__dict__["engine"]
        return found


@dataclass
class Machine:
    """One of the machines: what it remembers is in its home."""

    stack: SharedStack
    home: Path

    @property
    def workspace(self) -> Workspace:
        return Workspace("test", self.home)

    def session(self, declared: Fleet = DECLARED) -> OnMachine:
        """What a command has when it begins, before the stack is locked."""
        checkout: Any = SimpleNamespace(workspace=lambda _: self.workspace)
        file: Any = SimpleNamespace(stack="test")
        made = OnMachine(checkout, file, with_evictions(declared, self.workspace), quiet=True)
        made.__dict__["engine"] = self.stack
        made.__dict__["environment"] = SimpleNamespace(local_backend=False)
        return made

    def locked(self, declared: Fleet = DECLARED) -> OnMachine:
        """The same once it is."""
        made = self.session(declared)
        made._take_over_evictions()
        return made

    def up(self, kill: tuple[int, str] = (0, "")) -> None:
        """`meshfleet up`, which places what it goes by, and waits for nothing."""
        self.stack.kill, self.stack.runs = kill, 0
        made = self.locked()
        made.run("up", "up test", stage=made.topology)

    def move(self, evictions: dict[str, dict[str, str]], kill: tuple[int, str] = (0, "")) -> None:
        """A round of `meshfleet reconcile` that is to lead there."""
        self.stack.kill, self.stack.runs = kill, 0
        made = self.locked()
        answers = dict.fromkeys(DECLARED.clusters, True)
        _Ready(made, Choice(evictions), answers, {}).run()


class _Ready(reconciliation._Round):
    """Copies are ready once they are awaited."""

    def _await(self, move: Move) -> None:
        stack = self.session.stack  # type: ignore[attr-defined]
        assert move.cluster in stack.copies
        stack.ready.add(move.cluster)

    def _await_endpoints(self, way: Any) -> None:
        assert {move.cluster for move in way.awaited} <= self.session.stack.ready  # type: ignore[attr-defined]
