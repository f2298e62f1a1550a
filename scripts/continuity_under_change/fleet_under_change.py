"""A fleet that is changed by the real command: its stack file as it is now, and what brings it there."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meshfleet.errors import VerificationError
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace

STACK = "continuity"
HOST = "host"
CALLER = "west"
LATER = "south"
"""The member that comes and goes."""
Config = dict[str, Any]


def configuration(*clusters: str) -> Config:
    """The sections of the stack file: the fleet `dev` with a revision of Istio that has a name."""
    return {
        "host": HOST,
        "meshes": {"mesh1": {"trustDomain": "cluster.local", "settings": {"mtls": "strict"}}},
        "networks": {f"network-{name}": {} for name in clusters},
        "clusters": {name: cluster(name) for name in clusters},
        "istio": revision("blue"),
        "namespaces": {"sample": {"injection": True}},
        "workloads": {"echo": {"namespace": "sample"}},
    }


def cluster(name: str) -> Config:
    """A cluster on a network of its own, whose pods run."""
    return {"embedded": {"pods": "processes"}, "network": f"network-{name}", "region": name}


def revision(*names: str) -> Config:
    """Revisions side by side, with tags and namespaces on the last one."""
    return {"revision": names[-1], "revisions": {name: {} for name in names}, "tags": ["prod"]}


@dataclass
class FleetUnderChange:
    """`write` writes the stack file, `command` runs `meshfleet` with arguments and raises when it fails."""

    home: Path
    write: Callable[[str, Config], object]
    command: Callable[..., object]
    config: Config = field(default_factory=lambda: configuration(HOST, CALLER, "east"))

    @property
    def workspace(self) -> Workspace:
        """Where its processes are."""
        return Workspace(STACK, self.home)

    def up(self) -> None:
        """Bring it to what the stack file says."""
        self.write(STACK, self.config)
        self.command("up", "--stack", STACK)

    def changed(self, change: Callable[[Config], None]) -> None:
        """Change the stack file, and bring the fleet there."""
        config = deepcopy(self.config)
        change(config)
        self.config = config
        self.up()

    def kubeconfig(self, name: str) -> str:
        """The text of a cluster's kubeconfig, which `status` writes."""
        path = self.workspace.directory / "kubeconfigs" / f"{name}.yaml"
        if not path.exists():
            self.command("status", "--stack", STACK)
        return path.read_text(encoding="utf-8")

    def kill(self, folder: Path, program: str) -> None:
        """End all processes of a program below a folder of the fleet, without asking. Raises VerificationError."""
        found = processes.find(folder).get(program, [])
        if not found:
            raise VerificationError(f"no process {program} runs under {folder}")
        for process in found:
            process.kill()
