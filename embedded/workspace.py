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
import tempfile
from dataclasses import dataclass
from pathlib import Path

from topology.errors import EmbeddedError

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


def make_private_directory(directory: Path) -> None:
    """Make `directory` and its missing parents, readable by the owner only.

    Raises EmbeddedError when the file system refuses, saying why.
    """
    try:
        for parent in [*reversed(directory.parents), directory]:
            if not parent.is_dir():
                parent.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise file_error(directory, error) from error


def remove_directory(directory: Path) -> None:
    """Remove a directory with all that is in it; fine when there is none. Raises EmbeddedError."""
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        return
    except OSError as error:
        raise file_error(directory, error) from error


def write_private_file(path: Path, content: str) -> None:
    """Write `content` so that nobody else can read it at any moment, all of it or nothing.

    Raises EmbeddedError when the file system refuses (full, read-only), saying why.
    """
    try:
        # mkstemp opens with mode 0600 in the same directory, so that the rename is atomic.
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise file_error(path, error) from error


def file_error(path: Path, error: OSError) -> EmbeddedError:
    """What a failed file operation means for a person."""
    hint = {
        28: "free some space on that disk and run the same command again",
        122: "the quota of this user is used up: free some space and run the same command again",
        30: "set MESHFLEET_HOME to a directory on a writable disk",
        13: "give this user the right to write there, or set MESHFLEET_HOME to another directory",
    }.get(error.errno or 0, "check that directory and run the same command again")
    return EmbeddedError(f"{path}: {error.strerror or error}; {hint}")
