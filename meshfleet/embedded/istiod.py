"""A real istiod as a process beside a cluster, which need not be one of ours.

It is `running`, or `stopped` when its process is not there. The chart of the control plane must be in the
cluster before it starts: without the ConfigMap of the injector it would never inject.

Another intermediate is taken up by a running istiod. Other roots are not, not wholly: whose certificates it accepts
on its secure port it reads at its start (createPeerCertVerifier in pilot/pkg/bootstrap/server.go), so that it would
turn away a virtual machine whose certificate it has just signed itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.embedded.certificate_folder import read_files, replace_files
from meshfleet.embedded.istiod_spec import (
    ISTIOD_PORTS,
    IstiodSpec,
    certificate_files,
    istiod_arguments,
    istiod_environment,
    same_roots,
)
from meshfleet.embedded.loopback import close_ports, open_ports
from meshfleet.embedded.ports import (
    keep_ports,
    port_is_free,
    release_ports,
    require_free_ports,
    reserve_ports,
    reserved_ports,
)
from meshfleet.embedded.serving_certificate import require_signed_by
from meshfleet.errors import ClusterError, FileError, ProcessError
from meshfleet.files import read_text, remove_file, write_file
from meshfleet.kube.health import ask
from meshfleet.kube.kubeconfig import connect, select_context
from meshfleet.processes.waiting import wait_until
from meshfleet.toolchain.tools import link_tools
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace, remove_directory

if TYPE_CHECKING:
    import psutil

_READY_SECONDS: Final = 90.0
# Its servers end after `--shutdownDuration`. One that serves remote clusters does not end by itself: in each of them it
# stays in the leader election until that cluster is taken from it, and only then is its component at its end.
# https://github.com/istio/istio/blob/master/pilot/pkg/serviceregistry/kube/controller/multicluster.go
_GRACE_SECONDS: Final = 1.5
# It looks a tenth of a second after the change; a machine that is busy takes its time.
_RELOAD_SECONDS: Final = 15.0
_PROGRAM: Final = "pilot-discovery"
_LOG: Final = "istiod.log"


class Istiod:
    """The istiod of one cluster and revision, whether it runs or not."""

    def __init__(self, workspace: Workspace, cluster: str, revision: str) -> None:
        self._workspace = workspace
        self._name = f"{cluster}.{revision}"
        self._revision = revision
        self._owner = workspace.owner("istiod", cluster, revision)
        self.directory = workspace.istiod(cluster, revision)

    def reserve(self) -> dict[str, int]:
        """The ports of ISTIOD_PORTS by name, kept until `release`; others for those that were `lost`.

        Raises PortError.
        """
        lost = self.lost()
        if lost:
            keep_ports(self._workspace.home, self._owner, [name for name in ISTIOD_PORTS if name not in lost])
        return reserve_ports(self._workspace.home, self._owner, ISTIOD_PORTS)

    def lost(self) -> list[str]:
        """The names of its ports that another program took before it was ever started; empty once it was.

        Nothing knows the ports of an istiod that never ran, so it can have others.
        """
        taken = [name for name, port in self.reserved().items() if not port_is_free(port)]
        return taken if taken and self.state() is None else []

    def reserved(self) -> dict[str, int]:
        """The ports it has reserved; empty when none."""
        ports = reserved_ports(self._workspace.home, self._owner)
        return ports if set(ports) == set(ISTIOD_PORTS) else {}

    def release(self) -> None:
        """Give the ports back; fine when there are none."""
        release_ports(self._workspace.home, self._owner)
        close_ports(self._workspace.home)

    def state(self) -> str | None:
        """`running`, `stopped`, or None when nothing was ever started here.

        `outdated` is one that an earlier version has started with other arguments; the next `start` restarts it.
        `open to other users: port 21712 (http), …` has ports that the table of nftables does not close; `start` does.
        """
        running = [process for same in processes.find(self.directory).values() for process in same]
        if running:
            if not all(map(self._is_current, running)):
                return "outdated"
            opened = open_ports(self._workspace.home, self.reserved())
            return f"open to other users: {', '.join(opened)}" if opened else "running"
        return "stopped" if self.directory.is_dir() else None

    def start(self, spec: IstiodSpec, ports: Mapping[str, int], timeout: float = 0) -> str:
        """Bring it up as `spec` says on `ports`, and wait until it is ready; the version it reports.

        One that already runs so is left alone, and one that only has to take up another intermediate is made to;
        any other is ended first. `timeout` in seconds, 0 for a minute and a half. Raises PortError naming who took
        a port, ProcessError with the end of its log, ClusterError.
        """
        seconds = timeout or _READY_SECONDS
        kubeconfig = spec.config_kubeconfig or select_context(spec.kubeconfig, spec.context)
        fingerprint = _fingerprint(spec, kubeconfig, ports)
        close_ports(self._workspace.home)
        kept = self._kept("fingerprint") == fingerprint and self.state() == "running"
        if not (kept and self._takes_up(spec, ports)):
            self._end()
            require_free_ports(self._owner, ports)
            self._write(spec, kubeconfig)
            self._launch(spec, ports)
        version = self._wait_until_ready(ports, seconds)
        self._forward_ports(spec, ports)
        # Last: their presence says that this spec is what runs.
        write_file(self.directory / "authority", _authority_fingerprint(spec))
        write_file(self.directory / "fingerprint", fingerprint)
        return version

    def delete(self, kubeconfig: str | None = None, context: str | None = None) -> None:
        """End it and remove its files; the ports stay reserved. Fine when there is nothing.

        With a `kubeconfig` the way to its ports that the cluster has is removed too, if the cluster still responds.
        """
        self._end()
        remove_directory(self.directory)
        self._workspace.prune()
        if kubeconfig is not None:
            self._clean_cluster(kubeconfig, context)

    def _is_current(self, process: psutil.Process) -> bool:
        """Whether a process was started as it would be now."""
        import psutil

        ports = self.reserved()
        try:
            return not ports or process.cmdline()[1:] == istiod_arguments(ports, self.directory)
        except psutil.Error:
            # It has just ended, which is another matter.
            return True

    def _kept(self, name: str) -> str | None:
        try:
            return read_text(self.directory / name)
        except FileError:
            # Damaged: what runs is ended, and started as it should be.
            return None

    def _takes_up(self, spec: IstiodSpec, ports: Mapping[str, int]) -> bool:
        """Whether the running process signs with the authority of `spec`, after it was given that if need be."""
        if self._kept("authority") == _authority_fingerprint(spec):
            return True
        folder = self.directory / "certificates"
        # A process is ended before its roots are changed, so these are the ones it started with.
        if not same_roots(read_files(folder).get("root-cert.pem", ""), spec.authority.root):
            return False
        remove_file(self.directory / "authority")
        replace_files(folder, certificate_files(spec.authority))
        try:
            wait_until(
                lambda: require_signed_by(ports["https"], spec.authority.certificate),
                f"istiod {self._name} to take up another intermediate",
                _RELOAD_SECONDS,
                "it is started again",
            )
        except ProcessError:
            # It may have no watch on the folder, for want of inotify instances, or it refuses what is there.
            return False
        return True

    def _end(self) -> None:
        running = processes.find(self.directory)
        processes.end([process for same in running.values() for process in same], _GRACE_SECONDS)

    def _write(self, spec: IstiodSpec, kubeconfig: str) -> None:
        self._workspace.claim(self.directory)
        for name in ("fingerprint", "authority"):
            remove_file(self.directory / name)
        write_file(self.directory / "kubeconfig", kubeconfig)
        replace_files(self.directory / "certificates", certificate_files(spec.authority))

    def _launch(self, spec: IstiodSpec, ports: Mapping[str, int]) -> None:
        link_tools(self.directory / "bin", {_PROGRAM: _PROGRAM}, spec.release)
        processes.start(
            self.directory / "bin" / _PROGRAM,
            istiod_arguments(ports, self.directory),
            self.directory,
            self.directory / _LOG,
            istiod_environment(spec, self.directory),
        )

    def _wait_until_ready(self, ports: Mapping[str, int], seconds: float) -> str:
        address = f"http://127.0.0.1:{ports['http']}"
        log = self.directory / _LOG

        def ready() -> None:
            if not processes.find(self.directory):
                raise ProcessError(f"istiod {self._name} exited while starting; {processes.last_lines(log)}")
            ask(f"{address}/ready")

        wait_until(
            ready,
            f"istiod {self._name} to answer {address}/ready, which it does once it has read its cluster",
            seconds,
            f"check {log} and that its clusters respond, and run the same command again",
        )
        return ask(f"http://127.0.0.1:{ports['monitoring']}/version").strip()

    def _forward_ports(self, spec: IstiodSpec, ports: Mapping[str, int]) -> None:
        from meshfleet.kube.port_forward import apply_port_forward

        with connect(spec.kubeconfig, spec.context) as client:
            apply_port_forward(client, f"istiod-{self._name}", spec.namespace, self._revision, ports)

    def _clean_cluster(self, kubeconfig: str, context: str | None) -> None:
        from meshfleet.kube.port_forward import remove_port_forward

        try:
            with connect(kubeconfig, context) as client:
                remove_port_forward(client, f"istiod-{self._name}")
        except ClusterError:
            # The cluster is gone or going; what was in it goes with it.
            return


def _fingerprint(spec: IstiodSpec, kubeconfig: str, ports: Mapping[str, int]) -> str:
    """Changes whenever a start would give another process, but for its certificates."""
    return _digest(
        [
            spec.cluster,
            spec.network,
            spec.mesh_id,
            spec.trust_domain,
            kubeconfig,
            dict(ports),
            istiod_environment(spec, Path()),
            # Only where there is one, so that those of the standard release are not started again for it.
            *([spec.release] if spec.release else []),
        ]
    )


def _authority_fingerprint(spec: IstiodSpec) -> str:
    """Changes with the certificates and the key of `spec`."""
    return _digest(certificate_files(spec.authority))


def _digest(content: object) -> str:
    """Tells nothing about the secrets in `content`."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
