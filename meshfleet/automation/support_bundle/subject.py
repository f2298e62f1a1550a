"""The fleet that a bundle is about. Each thing that is known of it is found once, or fails for all who want it."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from meshfleet.automation.checkout import PROJECT, Checkout
from meshfleet.automation.session import Session, open_session
from meshfleet.automation.support_bundle.secrets import secrets_in_kubeconfig
from meshfleet.files import read_text
from meshfleet.workspace.home import Workspace

if TYPE_CHECKING:
    from meshfleet.status import Status
    from meshfleet.verification import FleetView


class Subject:
    """A stack as it is given on the command line, which need not be up, or valid, or there at all."""

    def __init__(self, checkout: Checkout, stack: str) -> None:
        self.checkout = checkout
        self.stack = stack
        self.name = stack.rpartition("/")[2]

    @property
    def is_known(self) -> bool:
        """Whether there is anything of it in this checkout: files, or a state."""
        state = self.checkout.state / ".pulumi" / "stacks" / PROJECT / f"{self.name}.json"
        return self.name not in ("", ".", "..") and (self.directory.is_dir() or state.exists())

    @property
    def directory(self) -> Path:
        """The folder of its files."""
        return self.checkout.fleet(self.name)

    @property
    def workspace(self) -> Workspace:
        """The same, as the embedded world knows it."""
        return Workspace(self.name, self.checkout.home)

    @cached_property
    def session(self) -> Session:
        """Raises TopologyError for a stack file that is missing or wrong."""
        return open_session(self.stack, quiet=True)

    @cached_property
    def status(self) -> Status:
        """Raises EngineError when the stack is not up, and what `session` raises."""
        return self.session.status()

    @cached_property
    def view(self) -> FleetView:
        """What the checks know of it. Raises what `status` raises."""
        from meshfleet.verification import read_fleet

        return read_fleet(self.status, self.session.environment.tools, self.checkout.home)

    def secrets(self) -> set[str]:
        """The secrets of this checkout that do not look like one. Raises FileError."""
        found = {os.environ.get("PULUMI_CONFIG_PASSPHRASE", ""), os.environ.get("PULUMI_ACCESS_TOKEN", "")}
        named = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
        for path in [self.checkout.passphrase, *([Path(named)] if named else [])]:
            found.add((read_text(path, follow=True) or "").strip())
        for path in self.checkout.kubeconfigs(self.name).glob("*.yaml"):
            found |= secrets_in_kubeconfig(read_text(path) or "")
        for path in self.directory.rglob("*token*"):
            if path.is_file() and not path.is_symlink():
                found.add((read_text(path) or "").strip())
        return found
