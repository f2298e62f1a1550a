"""A real cert-manager as a process beside an embedded cluster: its controllers, without its webhook.

The webhook refuses what is no Certificate before it is stored; here all of them come from this program, and what
cannot be issued is said by the controllers. It listens on no port.
Source: https://cert-manager.io/docs/cli/controller/
"""

from __future__ import annotations

from typing import Final

from meshfleet.errors import FileError
from meshfleet.files import read_text, remove_file, write_file
from meshfleet.kube.kubeconfig import select_context
from meshfleet.toolchain.tools import link_tools
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace, remove_directory

PROGRAM: Final = "cert-manager-controller"
LOG: Final = "cert-manager.log"
# It gives nothing back at its end: what it was at is begun again.
_GRACE_SECONDS: Final = 1.5
_FLAGS: Final = (
    # What is issued goes with its Certificate.
    "--enable-certificate-owner-ref",
    # Upstream's hour spares public authorities; here the next `up` should not wait for it.
    "--certificate-request-minimum-backoff-duration=1m",
    "--certificate-request-maximum-backoff-duration=1h",
    "--concurrent-workers=2",
    # One process is started for a cluster, and nothing asks it how it is.
    "--leader-elect=false",
    "--internal-healthz-listen-address=",
)


class CertManager:
    """The cert-manager of one cluster, whether it runs or not."""

    def __init__(self, workspace: Workspace, cluster: str) -> None:
        self._workspace = workspace
        self.directory = workspace.cert_manager(cluster)

    def state(self) -> str | None:
        """`running`, `stopped`, or None when nothing was ever started here."""
        if processes.find(self.directory):
            return "running"
        return "stopped" if self.directory.is_dir() else None

    def start(self, kubeconfig: str, context: str | None, namespace: str) -> None:
        """Start it for a cluster, or leave one that runs for it alone.

        `namespace` is where it looks for the Secrets of ClusterIssuers. Raises ProcessError with the end of its log
        when it ends at once, ClusterError for a kubeconfig that cannot be used, ToolchainError when it is not built.
        """
        wanted = select_context(kubeconfig, context)
        if self.state() == "running" and self._started_with() == wanted:
            return
        self.end()
        self._workspace.claim(self.directory)
        # Last, since its presence says that this is what runs.
        remove_file(self.directory / "started-with")
        write_file(self.directory / "kubeconfig", wanted)
        link_tools(self.directory / "bin", {PROGRAM: PROGRAM})
        processes.start(
            self.directory / "bin" / PROGRAM,
            [f"--kubeconfig={self.directory / 'kubeconfig'}", f"--cluster-resource-namespace={namespace}", *_FLAGS],
            self.directory,
            self.directory / LOG,
            {"HOME": str(self.directory)},
        )
        write_file(self.directory / "started-with", wanted)

    def end(self) -> None:
        """End its processes; fine when there are none."""
        running = processes.find(self.directory)
        processes.end([process for same in running.values() for process in same], _GRACE_SECONDS)

    def delete(self) -> None:
        """End it and remove its files. Fine when there is nothing."""
        self.end()
        remove_directory(self.directory)
        self._workspace.prune()

    def _started_with(self) -> str | None:
        try:
            return read_text(self.directory / "started-with")
        except FileError:
            # Damaged: what runs is ended, and started as it should be.
            return None
