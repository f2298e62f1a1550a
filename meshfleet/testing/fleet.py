"""A fleet under test: the commands on its stack, its status, and readers of its istiods and API servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from meshfleet.dataplane.network.place import Place
from meshfleet.testing.commands import CommandResult
from meshfleet.testing.conditions import settled
from meshfleet.testing.istiods import Istiod
from meshfleet.testing.requests import Sender
from meshfleet.testing.sandbox import Sandbox, kill
from meshfleet.testing.stack_files import fleet_name
from meshfleet.toolchain import make_plan
from meshfleet.verification.status import read_fleet
from meshfleet.verification.view import FleetView
from meshfleet.workspace.home import Workspace


@dataclass
class FleetUnderTest:
    """The stack `stack`, as `--stack` has it (`shop`, or `examples/dev-prod` below the directory of stack files).

    `created` is the result of the `up` that brought it up; None for a fleet that was up already.
    """

    sandbox: Sandbox
    stack: str
    created: CommandResult | None = None

    @property
    def name(self) -> str:
        """The name of the stack, without the folder of its file."""
        return fleet_name(self.stack)

    # Commands. Each fails the test, with all output, when its exit code is not the expected one.

    def run(self, command: str, *options: str, expect: int | None = 0) -> CommandResult:
        """`meshfleet <command> --stack … --json`."""
        return self.sandbox.meshfleet(command, "--stack", self.stack, "--json", *options, expect=expect)

    def up(self, *options: str) -> dict[str, Any]:
        """Bring it to what the stack file says; the report, with `changes` and `stages`."""
        self.__dict__.pop("status", None)
        self.__dict__.pop("view", None)
        report = self.run("up", *options).report
        assert report["ok"], report
        return report

    def verify(self, *options: str) -> dict[str, set[str]]:
        """Run all checks, which must pass; the clusters that each check covered."""
        report = self.run("verify", *options, expect=None).report
        assert report["ok"], [check for check in report["checks"] if not check["ok"]]
        covered: dict[str, set[str]] = {}
        for check in report["checks"]:
            covered.setdefault(check["name"], set()).add(check["cluster"])
        return covered

    def failed_checks(self, *options: str) -> dict[str, str]:
        """Run all checks; the detail of those that fail, by `<check> of <cluster>`."""
        report = self.run("verify", *options, expect=None).report
        checks = report["checks"]
        return {f"{check['name']} of {check['cluster']}": check["detail"] for check in checks if not check["ok"]}

    def preview(self) -> list[str]:
        """What `up` would change."""
        return list(self.run("preview").report["changes"])

    def drift(self) -> list[str]:
        """What differs from the state."""
        return list(self.run("drift", expect=None).report["drift"])

    def destroy(self) -> None:
        """Remove it; nothing of it may remain."""
        self.sandbox.meshfleet("destroy", "--stack", self.stack, "--yes")
        assert self.sandbox.remains(self.name) == []

    # What it is.

    @cached_property
    def status(self) -> dict[str, Any]:
        """What `meshfleet status --json` reports, read once after each `up` (docs/schemas/status.json)."""
        return self.run("status").report

    @cached_property
    def view(self) -> FleetView:
        """The status as the checks of `verify` read it."""
        return read_fleet(self.status, make_plan().toolchain().bin, self.sandbox.home)

    def cluster(self, name: str) -> dict[str, Any]:
        """A cluster of the status."""
        return _named(self.status["clusters"], name)

    def mesh(self, name: str) -> dict[str, Any]:
        """A mesh of the status."""
        return _named(self.status["meshes"], name)

    @property
    def clusters(self) -> set[str]:
        """The names of all clusters."""
        return {str(entry["name"]) for entry in self.status["clusters"]}

    # Istiods and their processes.

    def istiod(self, cluster: str) -> Istiod:
        """The debug API of the istiod with that cluster ID."""
        (found,) = (one for one in self.view.clusters if one.name == self.cluster(cluster)["name"])
        return Istiod(found)

    def process(self, cluster: str, revision: str = "default") -> psutil.Process:
        """The istiod with that cluster ID, where it is a process on this machine."""
        return self.sandbox.program(self.name, f"istiods/{cluster}.{revision}", "pilot-discovery")

    def end(self, cluster: str) -> None:
        """Kill the istiod with that cluster ID."""
        process = self.process(cluster)
        kill(process)
        assert settled(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 20)

    def logs(self) -> dict[str, Path]:
        """The logs of all processes on this machine, by their path in the fleet's directory."""
        directory = self.workspace.directory
        return {path.relative_to(directory).as_posix(): path for path in sorted(directory.rglob("*.log"))}

    # API servers.

    def kubectl(self, cluster: str, *arguments: str, expect: int | None = 0) -> CommandResult:
        """Run kubectl on a cluster, with the kubeconfig and context of the status."""
        found = self.cluster(cluster)
        access = ["--kubeconfig", found["kubeconfig"]]
        if context := found.get("context"):
            access += ["--context", context]
        return self.sandbox.run([self.sandbox.kubectl_program, *access, *arguments], expect=expect, seconds=60)

    def get(self, cluster: str, *arguments: str) -> dict[str, Any]:
        """`kubectl get … -o json`."""
        return self.kubectl(cluster, "get", *arguments, "-o", "json").report

    def names(self, cluster: str, *arguments: str) -> set[str]:
        """The names of the objects that `kubectl get …` finds."""
        return {found["metadata"]["name"] for found in self.get(cluster, *arguments)["items"]}

    def ready_pods(self, cluster: str, workload: str) -> list[dict[str, Any]]:
        """The ready pods of a workload (`namespace/name`) that are not being deleted."""
        namespace, name = workload.split("/")
        pods = self.get(cluster, "pods", "--namespace", namespace, "--selector", f"app={name}")["items"]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and _is_ready(pod)]

    # Requests.

    def sender(self, cluster: str, workload: str) -> Sender:
        """The pod of a workload (`namespace/name`) that sends requests."""
        return Sender(self, cluster, workload)

    @property
    def workspace(self) -> Workspace:
        """Its directories on this machine."""
        return Workspace(self.name, self.sandbox.home)

    @property
    def place(self) -> Place:
        """Its network namespaces on this machine."""
        return Place.of(self.workspace)


@contextmanager
def bring_up(sandbox: Sandbox, stack: str) -> Iterator[FleetUnderTest]:
    """Bring a stack up in a sandbox, and destroy it after the block."""
    fleet = FleetUnderTest(sandbox, stack)
    fleet.created = fleet.run("up")
    assert fleet.created.report["ok"], fleet.created.text
    yield fleet
    fleet.destroy()


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    found = [entry for entry in entries if entry["name"] == name]
    assert len(found) == 1, f"{name} is not in the status, which has {[entry['name'] for entry in entries]}"
    return found[0]


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
