"""The Pulumi engine, run through the Automation API on the same program as `pulumi up`.

Source: https://www.pulumi.com/docs/iac/automation-api/
"""

from __future__ import annotations

import json
import re
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import pulumi.automation as auto
from pulumi.automation._stack import StackInitMode
from pulumi.automation.events import EngineEvent
from semver import VersionInfo

from meshfleet.automation.checkout import PROJECT
from meshfleet.automation.engine.environment import Environment
from meshfleet.automation.engine.kubernetes_plugin import installed_version
from meshfleet.automation.engine.stuck_engine import StuckEngine, end_own, interrupt_own
from meshfleet.automation.engine.superseded_tokens import superseded_tokens
from meshfleet.automation.reporting.changes import Record
from meshfleet.automation.state.local_state import read_state, state_file, sync_state, write_pending
from meshfleet.automation.state.recorded_state import (
    Deployment,
    existing_clusters_of,
    salt_of,
    unreadable,
    without_pending,
)
from meshfleet.automation.state.stack_configuration import configuration_file, keep_salt
from meshfleet.errors import EngineError
from meshfleet.files import write_file
from meshfleet.files.json_text import parse_json
from meshfleet.processes.bounded_run import run_bounded
from meshfleet.processes.child_environment import engine_environment
from meshfleet.processes.termination import Terminated
from meshfleet.redaction.shown import one_line, shown
from meshfleet.topology import Fleet, StackFile
from meshfleet.workspace.project_folder import SETUP

_NAMES: dict[type, str] = {dict: "an object", list: "a list"}
_Json = TypeVar("_Json", dict[str, Any], list[Any])
OnEvent = Callable[[EngineEvent], None]
Operation = Literal["up", "preview", "refresh", "destroy"]
# What makes the engine write the state once, when a run ends, and not twice for each resource.
# https://www.pulumi.com/docs/iac/cli/environment-variables/
WRITTEN_ONCE: Final = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
# A query of the CLI; a shared backend is at the other end of a network.
QUERY_SECONDS = 300.0
# CommandResult.__str__ of pulumi.automation, the only thing that a CommandError keeps.
_COMMAND_ERROR = re.compile(r"\n ?code: (?P<code>-?\d+)\n stdout: (?P<out>.*)\n stderr: (?P<err>.*)", re.DOTALL)


class PulumiCli(auto.PulumiCommand):
    """The CLI of the toolchain. The base class would look it up on PATH and query its version every time."""

    def __init__(self, environment: Environment) -> None:
        self.command = str(environment.tools / "pulumi")
        self.version = VersionInfo.parse(installed_version("pulumi"))


class FleetStack(auto.Stack):
    """An existing stack, without the three additional CLI runs of the base class after every operation."""

    def __init__(self, name: str, workspace: auto.LocalWorkspace) -> None:
        # The base class would run `pulumi stack select`, which nothing here needs.
        self.name = name
        self.workspace = workspace
        self._mode = StackInitMode.SELECT

    def outputs(self) -> auto.OutputMap:
        """Not queried after an operation; `Engine.outputs` queries them on demand."""
        return {}

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:
        """Not queried after an operation; the events contain it already."""
        now = datetime.now(UTC)
        return auto.UpdateSummary("update", now, "", {}, {}, "succeeded")


@dataclass
class Engine:
    """One stack of a checkout. Every method raises `EngineError` when the engine itself fails."""

    environment: Environment
    file: StackFile
    # Cache of `recorded` until this engine changes the state; the lock prevents other changes.
    _recorded: Deployment | None = field(default=None, init=False, repr=False, compare=False)

    def exists(self) -> bool:
        """Whether the stack has been initialised in the backend."""
        if self._recorded:
            return True
        if self.environment.local_backend:
            return read_state(self._local_state()) is not None
        stacks = self._parsed(list, "stack", "ls", "--json")
        names = [str(stack.get("name")) for stack in stacks if isinstance(stack, dict)]
        return any(name.rpartition("/")[2] == self.file.stack for name in names)

    def initialise(self) -> None:
        """Create the stack in the backend if it is not there."""
        if self.exists():
            return
        # In a temporary project: Pulumi writes the salt into the stack file of the project in its working directory.
        with tempfile.TemporaryDirectory(prefix="meshfleet-") as folder:
            write_file(Path(folder) / "Pulumi.yaml", f"name: {PROJECT}\nruntime: python\n")
            self._pulumi("stack", "init", self.file.stack, "--no-select", folder=Path(folder))
            copy = configuration_file(self.environment.checkout, self.file)
            if copy != self.file.path:
                keep_salt(copy, Path(folder) / f"Pulumi.{self.file.stack}.yaml")

    def run(
        self,
        operation: Operation,
        on_event: OnEvent,
        *,
        stage: Fleet | None = None,
        stepwise: bool = True,
        **options: Any,
    ) -> Record:
        """Run an operation and return its record; failures of resources are in the record, not raised.

        With a `stage` the program registers that fleet instead of the one in the stack file. The state is written with
        every step, or, if not `stepwise`, once at the end.
        """
        record = Record()
        stuck = StuckEngine(interrupt_own(str(self.environment.tools / "pulumi")))

        def listen(event: EngineEvent) -> None:
            record.add(event)
            if operation == "up":
                stuck.hear(event)
            on_event(event)

        stack = self._stack(stage, {} if stepwise else WRITTEN_ONCE)
        salt = salt_of(self.recorded()) if self.environment.local_backend else ""
        configuration = str(configuration_file(self.environment.checkout, self.file, salt))
        options |= {"on_event": listen, "config_file": configuration, "color": "never"}
        # The program runs once the engine has started; import it meanwhile.
        threading.Thread(target=import_module, args=("meshfleet.components.program",)).start()
        try:
            with stuck:
                match operation:
                    case "up":
                        stack.up(continue_on_error=True, **options)
                    case "preview":
                        stack.preview(**options)
                    case "refresh":
                        stack.preview_refresh(**options)
                    case "destroy":
                        stack.destroy(continue_on_error=True, **options)
        except auto.CommandError as error:
            if not record.sentences():
                raise EngineError(_reason(operation, error)) from error
        except KeyboardInterrupt as interruption:
            # The engine receives an interrupt from the terminal as well; a second one would abort running operations.
            end_own(str(self.environment.tools / "pulumi"), interrupt_first=isinstance(interruption, Terminated))
            raise
        finally:
            self._recorded = None
            self._sync()
        return record

    def recorded(self) -> Deployment:
        """The stack's state, with encrypted secrets; empty if the stack does not exist.

        Requires the lock of the stack: the state is read once, and again after this engine has changed it.
        """
        if self._recorded is None:
            self._recorded = self._read()
        return self._recorded

    def read_again(self) -> None:
        """Have `recorded` read the state again: what was read before the stack was locked may be of before."""
        self._recorded = None

    def recorded_in_the_clear(self) -> Deployment:
        """The stack's state with decrypted secrets: never write it."""
        return _deployment(self._object("stack", "export", "--show-secrets", "--stack", self.file.stack))

    def outputs(self) -> dict[str, Any]:
        """The stack outputs with decrypted secrets: never write them."""
        return self._object("stack", "output", "--json", "--show-secrets", "--stack", self.file.stack)

    def rewrite(self, change: Callable[[Deployment], Deployment]) -> None:
        """Replace the recorded state by `change` of it; secrets stay encrypted.

        Pulumi's import drops pending operations; they are written after it, in the local backend alone.
        """
        exported = self._export()
        before = _deployment(exported)
        after = change(before)
        if after == before:
            return
        with tempfile.TemporaryDirectory(prefix="meshfleet-") as folder:
            path = Path(folder) / "state.json"
            write_file(path, json.dumps({**exported, "deployment": after}))
            self._recorded = None
            self._pulumi("stack", "import", "--file", str(path), "--stack", self.file.stack)
        if (pending := after.get("pending_operations")) and self.environment.local_backend:
            write_pending(self._local_state(), pending)
        self._sync()

    def recorded_access(self, names: Iterable[str]) -> dict[str, tuple[str, str | None]]:
        """The recorded kubeconfig and context of existing clusters, decrypted: never write them.

        Clusters without a recorded kubeconfig are omitted.
        """
        wanted = set(names) & set(existing_clusters_of(self.recorded()))
        if not wanted:
            return {}
        recorded = existing_clusters_of(self.recorded_in_the_clear())
        found = {}
        for name in wanted & set(recorded):
            inputs = recorded[name].get("inputs") or {}
            found[name] = (_plain(inputs.get("kubeconfig")), inputs.get("context"))
        return found

    @contextmanager
    def supposing(self, change: Callable[[Deployment], Deployment]) -> Iterator[Engine]:
        """An engine on a copy of the stack with a changed state, for a preview.

        The stack itself is not changed; the copy is removed at the end.
        """
        exported = self._export()
        with tempfile.TemporaryDirectory(prefix="meshfleet-") as place:
            folder = Path(place)
            variables = {**self.environment.variables, "PULUMI_BACKEND_URL": f"file://{folder}?metadata=skip"}
            copy = Engine(replace(self.environment, variables=variables), self.file)
            write_file(folder / "Pulumi.yaml", f"name: {PROJECT}\nruntime: python\n")
            copy._pulumi("stack", "init", self.file.stack, "--no-select", folder=folder)
            changed = {**exported, "deployment": change(_deployment(exported))}
            write_file(folder / "state.json", json.dumps(changed))
            copy._pulumi("stack", "import", "--file", str(folder / "state.json"), "--stack", self.file.stack)
            yield copy

    def superseded_tokens(self) -> list[str]:
        """The URNs of reader tokens that an incomplete run replaced without deleting them."""
        return superseded_tokens(self.recorded())

    def forget_pending(self, keep: Collection[str] = ()) -> None:
        """Drop pending operations of an interrupted run: every resource of meshfleet converges when created again.

        Except those of clusters to `keep`, which did not respond yet, so that their outcome is unknown.
        """
        self.rewrite(lambda deployment: without_pending(deployment, keep))

    def remove(self) -> None:
        """Remove the stack itself from the backend, after a destroy."""
        self._recorded = None
        self._pulumi("stack", "rm", self.file.stack, "--yes", "--preserve-config")

    def _sync(self) -> None:
        """Flush the state to disk, which Pulumi does not."""
        if self.environment.local_backend:
            sync_state(self.environment.checkout, self.file.stack)

    def _stack(self, stage: Fleet | None, more: Mapping[str, str]) -> FleetStack:
        workspace = auto.LocalWorkspace(
            work_dir=str(self.environment.checkout.program),
            program=partial(_program, stage),
            env_vars={**self.environment.variables, **more},
            pulumi_command=PulumiCli(self.environment),
        )
        return FleetStack(self.file.stack, workspace)

    def _export(self) -> dict[str, Any]:
        return self._object("stack", "export", "--stack", self.file.stack)

    def _read(self) -> Deployment:
        # Same result as the CLI, without a process before every `up` and `preview`.
        if self.environment.local_backend:
            return read_state(self._local_state()) or {}
        if not self.exists():
            return {}
        return _deployment(self._export())

    def _local_state(self) -> Path:
        return state_file(self.environment.checkout, self.file.stack)

    def _pulumi(self, *arguments: str, folder: Path | None = None) -> str:
        """Run the CLI with limits on time and output size; its standard output."""
        ended = run_bounded(
            [str(self.environment.tools / "pulumi"), "--non-interactive", *arguments],
            seconds=QUERY_SECONDS,
            environment=engine_environment({**self.environment.variables, "PULUMI_AUTOMATION_API": "true"}),
            directory=folder or self.environment.checkout.program,
        )
        if ended.code != 0:
            raise EngineError(reason_of(" ".join(arguments[:2]), ended.code, ended.out, ended.err))
        return ended.out

    def _object(self, *arguments: str) -> dict[str, Any]:
        """The JSON object printed by the CLI. Raises EngineError."""
        return self._parsed(dict, *arguments)

    def _parsed(self, kind: type[_Json], *arguments: str) -> _Json:
        text = self._pulumi(*arguments)
        try:
            found = parse_json(text)
        except ValueError:
            found = None
        if not isinstance(found, kind):
            raise EngineError(
                f"pulumi {' '.join(arguments[:2])} must print JSON ({_NAMES[kind]}), got {shown(text.strip())}; "
                f"remove pulumi from the toolchain directory and run {SETUP}"
            )
        return found


def _deployment(exported: Mapping[str, Any]) -> Deployment:
    """The deployment of an export; empty before the first `up`. Raises EngineError for another format."""
    found = exported.get("deployment") or {}
    if not isinstance(found, dict):
        raise unreadable("its deployment is not an object")
    return found


def _plain(value: Any) -> str:
    """A plain or secret string: `export --show-secrets` writes a secret as an object with its JSON."""
    if isinstance(value, dict):
        return str(parse_json(value.get("plaintext") or '""'))
    return str(value or "")


def _reason(operation: str, error: auto.CommandError) -> str:
    """The engine's error, parsed from the text of an Automation API exception."""
    parsed = _COMMAND_ERROR.fullmatch(str(error))
    if parsed is None:
        return reason_of(operation, None, "", str(error))
    return reason_of(operation, int(parsed["code"]), parsed["out"], parsed["err"])


def reason_of(operation: str, code: int | None, out: str, err: str) -> str:
    """The error of a failed `pulumi` run, or its exit code if it printed none."""
    lines = [line.strip() for line in [*out.splitlines(), *err.splitlines()] if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error:")]
    if not lines:
        ending = f"was terminated by signal {-code}" if code is not None and code < 0 else f"exited with code {code}"
        return f"pulumi {operation} {ending} without an error message; run the same command again, which resumes"
    return one_line("; ".join(errors) if errors else " ".join(lines[-5:]))


def _program(stage: Fleet | None) -> None:
    from meshfleet.components.program import run

    run(stage)
