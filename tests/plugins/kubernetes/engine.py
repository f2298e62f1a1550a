"""A real Pulumi engine for the conformance suite: one stack in a file backend, driven by inline programs."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import grpc
from pulumi import automation as auto
from pulumi.automation import events
from pulumi.automation._server import LanguageServer
from pulumi.automation._stack import StackInitMode
from pulumi.runtime.proto import language_pb2

Program = Callable[[], None]
PROJECT = "conformance"
# Seconds. An SDK whose engine is gone waits for the connection to come back before it gives up.
LONGEST_END = 120.0


@dataclass
class Run:
    """What one operation did: the operation on each resource by its logical name, and the fields that differed."""

    operations: dict[str, str] = field(default_factory=dict)
    differences: dict[str, list[str]] = field(default_factory=dict)
    text: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)

    def watch(self, event: events.EngineEvent) -> None:
        """Take note of an engine event."""
        if event.resource_pre_event is not None:
            self._note(event.resource_pre_event.metadata, only_if_new=False)
        if event.res_outputs_event is not None:
            self._note(event.res_outputs_event.metadata, only_if_new=False)

    def _note(self, metadata: Any, only_if_new: bool) -> None:
        name = metadata.urn.rsplit("::", 1)[1]
        operation = metadata.op.value if hasattr(metadata.op, "value") else str(metadata.op)
        # A replacement shows as several steps; the one that says so wins.
        if self.operations.get(name) not in ("replace", "delete") or operation == "delete":
            self.operations[name] = operation
        if metadata.detailed_diff:
            self.differences[name] = sorted(metadata.detailed_diff)

    def changed(self) -> dict[str, str]:
        """The operations other than `same`, of resources (not of the stack itself)."""
        return {name: op for name, op in self.operations.items() if op not in ("same", "refresh", "read")}


@contextmanager
def _to_its_end() -> Iterator[None]:
    """Wait for the end of the inline program, and close its event loop.

    When a resource fails the engine goes first. The program's thread then meets an engine that is gone, raises, and
    leaves its event loop open; all that would otherwise happen in the middle of a later test.
    """
    ended: list[threading.Event] = []
    run: Any = LanguageServer.Run

    def run_to_the_end(server: LanguageServer, request: Any, context: Any) -> Any:
        end = threading.Event()
        ended.append(end)
        loops: list[asyncio.AbstractEventLoop] = []
        make = asyncio.new_event_loop

        def remember() -> asyncio.AbstractEventLoop:
            loops.append(make())
            return loops[-1]

        try:
            with patch("asyncio.new_event_loop", remember):
                return run(server, request, context)
        except grpc.RpcError as error:
            # Nobody is left to hear the answer.
            return language_pb2.RunResponse(error=str(error))
        finally:
            for loop in loops:
                loop.close()
            end.set()

    with patch.object(LanguageServer, "Run", run_to_the_end):
        yield
    assert all(end.wait(LONGEST_END) for end in ended), "the program has not ended with its engine"


class _QuickStack(auto.Stack):
    """Spares the three further runs of the CLI by which each operation reports about itself."""

    def outputs(self) -> dict[str, auto.OutputValue]:
        """The tests read them from the state."""
        return {}

    def info(self, show_secrets: bool = False) -> auto.UpdateSummary:
        """Something that says nothing: the tests look at the events."""
        now = datetime.now(UTC)
        return auto.UpdateSummary("update", now, "", {}, {}, "succeeded", now)


class Engine:
    """One stack; `home` is a PULUMI_HOME with the plugin under test."""

    def __init__(self, home: Path, pulumi: Path, directory: Path, helm: Path, name: str = "test") -> None:
        self._state = state = directory / "state"
        state.mkdir(parents=True, exist_ok=True)
        environment = {
            "PULUMI_BACKEND_URL": f"file://{state}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": "conformance",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "MESHFLEET_TOOLS": str(helm.parent),
        }
        self._name = name
        workspace = auto.LocalWorkspace(
            work_dir=str(directory),
            pulumi_home=str(home),
            env_vars=environment,
            program=_nothing,
            project_settings=auto.ProjectSettings(PROJECT, "python", main=str(directory)),
            pulumi_command=_command(pulumi, directory),
        )
        self._stack = _QuickStack(name, workspace, StackInitMode.CREATE_OR_SELECT)

    def up(self, program: Program, **options: Any) -> Run:
        """Bring the stack to what `program` declares."""
        run = Run()
        self._stack.workspace.program = program
        with _to_its_end():
            result = self._stack.up(on_event=run.watch, on_output=_drop, color="never", **options)
        run.text = result.stdout + result.stderr
        run.outputs = self.state()[f"{PROJECT}-{self._name}"].get("outputs", {})
        return run

    def fail(self, program: Program, **options: Any) -> str:
        """`up` with a program that must fail; returns what the user gets to see."""
        try:
            self.up(program, **options)
        except auto.CommandError as error:
            return str(error)
        raise AssertionError("the operation succeeded, but was to fail")

    def preview(self, program: Program, **options: Any) -> Run:
        """What `up` would do."""
        run = Run()
        self._stack.workspace.program = program
        with _to_its_end():
            result = self._stack.preview(on_event=run.watch, on_output=_drop, color="never", **options)
        run.text = result.stdout + result.stderr
        return run

    def refresh(self, program: Program = lambda: None, **options: Any) -> Run:
        """Take the world's state over into the stack's."""
        run = Run()
        self._stack.workspace.program = program
        with _to_its_end():
            result = self._stack.refresh(on_event=run.watch, on_output=_drop, color="never", **options)
        run.text = result.stdout + result.stderr
        return run

    def destroy(self, **options: Any) -> Run:
        """Remove everything of the stack."""
        run = Run()
        self._stack.workspace.program = _nothing
        with _to_its_end():
            result = self._stack.destroy(on_event=run.watch, on_output=_drop, color="never", **options)
        run.text = result.stdout + result.stderr
        return run

    def unlock(self) -> None:
        """Remove the lock that a killed engine left."""
        self._stack.cancel()

    def state(self) -> dict[str, Any]:
        """The recorded resources by logical name, as the state file has them: secrets encrypted."""
        deployment = json.loads(self.state_text())["checkpoint"].get("latest") or {}
        return {entry["urn"].rsplit("::", 1)[1]: entry for entry in deployment.get("resources") or []}

    def state_text(self) -> str:
        """The state file, to search it."""
        return (self._state / ".pulumi" / "stacks" / PROJECT / f"{self._name}.json").read_text(encoding="utf-8")

    def forget(self, name: str) -> None:
        """Take a resource out of the state, as if an interrupted run had not recorded it."""
        self._rewrite(lambda resources: [each for each in resources if not each["urn"].endswith(f"::{name}")])

    def record(self, resource: dict[str, Any]) -> None:
        """Add a resource to the state."""
        self._rewrite(lambda resources: [*resources, resource])

    def _rewrite(self, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
        exported = self._stack.export_stack()
        deployment = dict(exported.deployment or {})
        deployment["resources"] = change(deployment["resources"])
        self._stack.import_stack(auto.Deployment(version=exported.version, deployment=deployment))


def _drop(_: str) -> None:
    """Live output is of no interest; the result has all of it."""


def _nothing() -> None:
    """A program without resources."""


def _command(pulumi: Path, directory: Path) -> auto.PulumiCommand:
    """The CLI under test, laid out as the Automation API wants it: below `bin`."""
    root = directory / "cli"
    (root / "bin").mkdir(parents=True, exist_ok=True)
    if not (root / "bin" / "pulumi").exists():
        (root / "bin" / "pulumi").symlink_to(pulumi)
    return auto.PulumiCommand(root=str(root), skip_version_check=True)
