"""Where a checkout keeps what: everything it makes is under one folder that `scripts/down` removes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from meshfleet.embedded.workspace import Workspace, home_directory
from meshfleet.topology import Fault, TopologyError
from meshfleet.topology.stack_name import path_fault

PROJECT = "meshfleet"


@dataclass(frozen=True)
class Checkout:
    """The project's folder, and `home`, the folder of what runs leave behind (readable by its owner only)."""

    root: Path
    home: Path

    @classmethod
    def here(cls) -> Checkout:
        """This checkout; MESHFLEET_HOME moves its home elsewhere. Raises `TopologyError` when it cannot be used."""
        root = Path(__file__).resolve().parent.parent.parent
        return cls(root, home_directory())

    @property
    def stacks(self) -> Path:
        """The folder of stack files; MESHFLEET_STACKS names one outside the checkout. Raises `TopologyError`."""
        elsewhere = os.environ.get("MESHFLEET_STACKS")
        if not elsewhere:
            return self.root / "stacks"
        if fault := path_fault(Path(elsewhere)):
            raise TopologyError([Fault("MESHFLEET_STACKS", fault)])
        return Path(elsewhere).resolve()

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
        """The folder of what a stack's embedded clusters and its command leave."""
        return self.workspace(stack).directory

    def kubeconfigs(self, stack: str) -> Path:
        """The folder of the kubeconfigs that `status` writes."""
        return self.fleet(stack) / "kubeconfigs"

    def kubeconfig(self, stack: str, cluster: str) -> Path:
        """Where `status` puts a cluster's kubeconfig."""
        return self.kubeconfigs(stack) / f"{cluster}.yaml"

    def picture(self, stack: str) -> Path:
        """Where `graph` draws to unless told otherwise."""
        return self.fleet(stack) / "fleet.svg"
