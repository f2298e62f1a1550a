"""The directories of a project: everything that commands create is in one directory, its home.

The project is a checkout, or any directory with stack files if the package is installed (`project_folder`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from meshfleet.files.duplicate_names import PROJECT
from meshfleet.topology import Fault, TopologyError
from meshfleet.topology.stack_name import path_fault
from meshfleet.workspace.home import Workspace, home_directory
from meshfleet.workspace.project_folder import ProjectFolder, project_folder


@dataclass(frozen=True)
class Checkout:
    """The project directory, and `home`, the directory of the files that commands create (only its owner has access).

    `declared` if the project has a Pulumi.yaml; otherwise the package provides one.
    """

    root: Path
    home: Path
    declared: bool = True

    @classmethod
    def here(cls) -> Checkout:
        """The project of this process; MESHFLEET_HOME overrides its home. Raises `TopologyError`."""
        project = project_folder()
        return cls(project.root, home_directory(), project.declared)

    @property
    def program(self) -> Path:
        """The folder with the Pulumi.yaml that the engine runs in."""
        return ProjectFolder(self.root, self.declared).program(self.home)

    @property
    def stacks(self) -> Path:
        """The folder of stack files; MESHFLEET_STACKS names one outside the project. Raises `TopologyError`.

        In a project without a Pulumi.yaml they may be in the project directory itself.
        """
        override = os.environ.get("MESHFLEET_STACKS")
        if not override:
            folder = self.root / "stacks"
            return folder if self.declared or folder.is_dir() else self.root
        if fault := path_fault(Path(override)):
            raise TopologyError([Fault("MESHFLEET_STACKS", fault)])
        return Path(override).resolve()

    @property
    def nested_stacks(self) -> bool:
        """Whether subdirectories may contain stack files; not in a project directory, which contains other files."""
        return self.stacks != self.root

    @property
    def state(self) -> Path:
        """The folder of the local backend, used when PULUMI_BACKEND_URL names no other."""
        return self.home / "state"

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's own home for this checkout: its plugins and credentials."""
        return self.home / "pulumi"

    @property
    def passphrase(self) -> Path:
        """The file with the passphrase of local stacks, used when the environment names no other."""
        return self.home / "passphrase"

    def workspace(self, stack: str) -> Workspace:
        """The directories of a stack's fleet."""
        return Workspace(stack, self.home)

    def fleet(self, stack: str) -> Path:
        """The directory of the files of a stack's embedded clusters and commands."""
        return self.workspace(stack).directory

    def kubeconfigs(self, stack: str) -> Path:
        """The folder of the kubeconfigs that `status` writes."""
        return self.fleet(stack) / "kubeconfigs"

    def kubeconfig(self, stack: str, cluster: str) -> Path:
        """Where `status` puts a cluster's kubeconfig."""
        return self.kubeconfigs(stack) / f"{cluster}.yaml"

    def picture(self, stack: str) -> Path:
        """The default output file of `graph`."""
        return self.fleet(stack) / "fleet.svg"


__all__ = ["PROJECT", "Checkout"]
