"""Where a checkout keeps what: everything it makes is under one folder that `scripts/down` removes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = "meshfleet"


@dataclass(frozen=True)
class Checkout:
    """The project's folder, and `home`, the folder of what runs leave behind (readable by its owner only)."""

    root: Path
    home: Path

    @classmethod
    def here(cls) -> Checkout:
        """This checkout; MESHFLEET_HOME moves its home elsewhere."""
        root = Path(__file__).resolve().parent.parent
        home = os.environ.get("MESHFLEET_HOME")
        return cls(root, Path(home).resolve() if home else root / ".meshfleet")

    @property
    def stacks(self) -> Path:
        """The folder of stack files; MESHFLEET_STACKS names one outside the checkout."""
        elsewhere = os.environ.get("MESHFLEET_STACKS")
        return Path(elsewhere).resolve() if elsewhere else self.root / "stacks"

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

    def fleet(self, stack: str) -> Path:
        """The folder of what a stack's embedded clusters and its command leave."""
        return self.home / "fleets" / stack

    def kubeconfigs(self, stack: str) -> Path:
        """The folder of the kubeconfigs that `status` writes."""
        return self.fleet(stack) / "kubeconfigs"

    def kubeconfig(self, stack: str, cluster: str) -> Path:
        """Where `status` puts a cluster's kubeconfig."""
        return self.kubeconfigs(stack) / f"{cluster}.yaml"

    def picture(self, stack: str) -> Path:
        """Where `graph` draws to unless told otherwise."""
        return self.fleet(stack) / "fleet.svg"
