"""Where the processes of a fleet keep their files; every directory belongs to its owner alone.

    <home>/                     MESHFLEET_HOME, else .meshfleet in the project
      .meshfleet                the marker of a home, and one in each fleet's directory (meshfleet.workspace.marker)
      reservations.json         ports and addresses of every fleet under this home
      fleets/<fleet>/
        clusters/<cluster>/     one embedded cluster, all of it
        istiods/<cluster>.<revision>/
        nodes/<cluster>/        the agent of a node whose pods are processes
        containers/<cluster>/   by which nodes that are containers are known as ours

Names come in, paths are computed here: nothing that is stored elsewhere names a directory of this machine.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from meshfleet.errors import FileError
from meshfleet.errors.faults import Fault, TopologyError
from meshfleet.files import file_error, remove_file
from meshfleet.topology.stack_name import path_fault
from meshfleet.workspace.fleet_identity import claim_fleet, identity_of
from meshfleet.workspace.home_lock import home_locked
from meshfleet.workspace.marker import MARKER, is_fleet
from meshfleet.workspace.project_folder import CODE, project_folder


def home_directory() -> Path:
    """The root of all local state: the variable MESHFLEET_HOME, else `.meshfleet` in the project.

    Raises `TopologyError` for one that cannot be used: it is the project or a folder above it, the user's own home or
    the root of the file system, or its path has a control character.
    """
    configured = os.environ.get("MESHFLEET_HOME", "")
    field = "MESHFLEET_HOME" if configured else "project"
    project = project_folder().root
    try:
        home = Path(configured).expanduser().resolve() if configured else project / ".meshfleet"
        own = Path.home().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"cannot be resolved ({reason}); give an absolute path, or change to a directory that is there"
        raise TopologyError([Fault(field, message)]) from None
    fault = path_fault(home)
    if home in (CODE, *CODE.parents, project, *project.parents, own):
        fault = fault or f"{home} contains files other than local state; choose a separate directory"
    if fault:
        raise TopologyError([Fault(field, fault)])
    return home


def program_folder() -> Path:
    """The folder with the Pulumi.yaml that the engine runs in, to which paths of charts are relative.

    It is the project, or one below the home where the project has no Pulumi.yaml. Raises `TopologyError`.
    """
    return project_folder().program(home_directory())


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

    def cert_manager(self, cluster: str) -> Path:
        """The directory of the cert-manager of a cluster."""
        return self.directory / "cert-managers" / cluster

    def portal(self, cluster: str) -> Path:
        """The directory of the API portal beside a cluster."""
        return self.directory / "portals" / cluster

    def node(self, cluster: str) -> Path:
        """The directory of the agent of a cluster's node."""
        return self.directory / "nodes" / cluster

    def containers(self, cluster: str) -> Path:
        """The directory of a cluster whose nodes are containers."""
        return self.directory / "containers" / cluster

    def processes_of(self, cluster: str) -> list[Path]:
        """All directories that processes of a cluster are started in, but those of its istiods, one for a revision."""
        return [self.cluster(cluster), self.node(cluster), self.cert_manager(cluster), self.portal(cluster)]

    @property
    def identity(self) -> str:
        """By which its processes and network namespaces are known: sixteen hexadecimal digits. Raises FileError."""
        return identity_of(self.home, self.fleet)

    def claim(self, below: Path | None = None) -> Path:
        """Make the fleet's directory, mark it as ours and make the one `below` it; the fleet's. Raises FileError."""
        return claim_fleet(self.home, self.fleet, below)

    def owner(self, *parts: str) -> str:
        """The name under which something of this fleet reserves ports and addresses."""
        return "/".join((self.fleet, *parts))

    def prune(self) -> None:
        """Remove the directories of this fleet that hold nothing any more, and its marker with the last of them.

        What another makes at the same moment with `claim` is made before or after, never in what is being removed.
        """
        if self.home.is_dir():
            with home_locked(self.home):
                self._prune()

    def _prune(self) -> None:
        for name in ("clusters", "istiods", "cert-managers", "nodes", "portals", "containers"):
            _remove_empty(self.directory / name)
        try:
            last = not self.directory.is_symlink() and os.listdir(self.directory) == [MARKER]
        except OSError:
            last = False
        if last:
            remove_file(self.directory / MARKER)
        _remove_empty(self.directory)
        _remove_empty(self.home / "fleets")

    def remove(self) -> None:
        """Remove the fleet's directory with all that is in it, if it is ours; fine when there is none.

        Of a link only the link goes. Raises FileError when the directory is not ours, or cannot be removed.
        """
        if self.directory.is_symlink():
            remove_file(self.directory)
        elif not self.directory.exists():
            return
        elif not is_fleet(self.directory):
            raise FileError(f"{self.directory}: nothing in it is of meshfleet, so it stays; remove it by hand")
        else:
            try:
                names = sorted(os.listdir(self.directory))
            except OSError as error:
                raise file_error(self.directory, error) from error
            for name in names:
                if name != MARKER:
                    remove_directory(self.directory / name)
            # The marker last, so that what a killed removal left is still known as ours.
            remove_directory(self.directory)


def _remove_empty(directory: Path) -> None:
    try:
        directory.rmdir()
    except OSError:
        # Not empty, a link, or never made: all are fine.
        return


def remove_directory(directory: Path) -> None:
    """Remove a directory with all that is in it; fine when there is none. Raises FileError.

    No link is followed: of one that is in the place of the directory, or in it, only the link goes.
    """
    if directory.is_symlink():
        remove_file(directory)
        return
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        remove_file(directory)
    except OSError as error:
        raise file_error(directory, error) from error
