"""Where the processes of a fleet keep their files; every directory belongs to its owner alone.

    <home>/                     MESHFLEET_HOME, else .meshfleet beside the program
      reservations.json         ports and addresses of every fleet under this home
      fleets/<fleet>/
        clusters/<cluster>/     one embedded cluster, all of it
        istiods/<cluster>.<revision>/
        nodes/<cluster>/        the agent of a node whose pods are processes

Names come in, paths are computed here: nothing that is stored elsewhere names a directory of this machine.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from topology.files import file_error

_CHECKOUT = Path(__file__).resolve().parent.parent


def home_directory() -> Path:
    """The root of all local state: the variable MESHFLEET_HOME, else `.meshfleet` in the checkout."""
    configured = os.environ.get("MESHFLEET_HOME", "")
    return Path(configured).expanduser().resolve() if configured else _CHECKOUT / ".meshfleet"


@dataclass(frozen=True)
class Workspace:
    """The directories of one fleet; `fleet` is its name (the stack's), `home` an absolute directory."""

    fleet: str
    home: Path

    @classmethod
    def of(cls, fleet: str) -> Workspace:
        """The workspace of `fleet` under this machine's home."""
        return cls(fleet, home_directory())

    @property
    def directory(self) -> Path:
        """Everything of this fleet."""
        return self.home / "fleets" / self.fleet

    def cluster(self, name: str) -> Path:
        """The directory of one embedded cluster."""
        return self.directory / "clusters" / name

    def istiod(self, cluster: str, revision: str) -> Path:
        """The directory of one istiod; a revision is `default` when the control plane has none."""
        return self.directory / "istiods" / f"{cluster}.{revision}"

    def node(self, cluster: str) -> Path:
        """The directory of the agent of a cluster's node."""
        return self.directory / "nodes" / cluster

    def owner(self, *parts: str) -> str:
        """The name under which something of this fleet reserves ports and addresses."""
        return "/".join((self.fleet, *parts))

    def prune(self) -> None:
        """Remove the directories of this fleet that hold nothing any more."""
        for directory in (
            self.directory / "clusters",
            self.directory / "istiods",
            self.directory / "nodes",
            self.directory,
            self.home / "fleets",
        ):
            try:
                directory.rmdir()
            except OSError:
                # Not empty, or never made: both are fine.
                continue


def remove_directory(directory: Path) -> None:
    """Remove a directory with all that is in it; fine when there is none. Raises FileError."""
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        return
    except OSError as error:
        raise file_error(directory, error) from error
