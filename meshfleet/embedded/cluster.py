"""An embedded cluster: a real Kubernetes control plane as local processes, with simulated nodes.

It is `running`, or `stopped` when some of its processes are not there. What an interrupted making left counts as
remains, which the next `create` removes first; a complete cluster whose record is lost does not (`cluster_record`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshfleet.embedded.addresses import release_addresses
from meshfleet.embedded.certificate_times import ahead, not_yet_valid
from meshfleet.embedded.cluster_ranges import RANGES, release_ranges, with_ranges, with_reserved_pods
from meshfleet.embedded.cluster_record import RECORD, begin_making, end_making, is_recorded, read_spec
from meshfleet.embedded.cluster_spec import PORTS, TOOLS, ClusterSpec, dump_spec, kwokctl_configuration
from meshfleet.embedded.control_plane import SERVERS, ControlPlane
from meshfleet.embedded.loopback import close_ports, open_ports
from meshfleet.embedded.nodes import apply_nodes, release_nodes
from meshfleet.embedded.ports import (
    keep_ports,
    port_is_free,
    release_ports,
    require_free_ports,
    reserve_ports,
    reserved_ports,
    restore_ports,
)
from meshfleet.embedded.reservations_rebuilt import cluster_ports
from meshfleet.errors import ClusterError, EmbeddedError, PortError, ProcessError, ToolchainError
from meshfleet.files import write_file
from meshfleet.kube.api_errors import api_errors
from meshfleet.kube.identity import identity_in_folder
from meshfleet.kube.kubeconfig import build_kubeconfig, connect
from meshfleet.kube.releases.server import connected
from meshfleet.kube.served_kinds import await_kinds
from meshfleet.processes.bounded_run import run_bounded
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.toolchain.tools import tool
from meshfleet.versions import BUILT_KUBERNETES
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.project_folder import SETUP

if TYPE_CHECKING:
    from lightkube import Client

_READY_SECONDS: Final = 120.0
_ATTEMPTS: Final = 3


@dataclass(frozen=True)
class RunningCluster:
    """How to reach a cluster: `kubeconfig` is the text (a secret), `server` the URL of its API server.

    `identity` tells it from any other cluster, one of the same name made later included.
    """

    kubeconfig: str = field(repr=False)
    server: str
    identity: str


class Cluster:
    """One embedded cluster of a fleet, whether it exists or not."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self._workspace = workspace
        self._name = name
        self._owner = workspace.owner("cluster", name)
        # No cluster can be called so, whose addresses are given back by how their owner begins.
        self._ranges = workspace.owner(RANGES, name)
        self.directory = workspace.cluster(name)
        self._control_plane = ControlPlane(name, self.directory)

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig file, readable by its owner only; there once the cluster is complete."""
        return self.directory / "kubeconfig"

    def spec(self) -> ClusterSpec | None:
        """What the cluster was made as; None when there is none, or only the remains of one. Raises FileError."""
        return read_spec(self.directory)

    def state(self) -> str | None:
        """`running`, `stopped: etcd, …` with what does not run, or None when there is no complete cluster.

        `open to other users: etcd, …` is one that an earlier version has started; the next `update` restarts it. With
        `port 21700 (kwok-controller)` it is one whose ports the table of nftables does not close; `update` does.
        """
        if self.spec() is None:
            return None
        if begins := self._not_yet_valid():
            return f"not valid before {begins:%Y-%m-%dT%H:%M:%SZ}"
        stopped = self._control_plane.stopped()
        if stopped:
            return f"stopped: {', '.join(stopped)}"
        home = self._workspace.home
        opened = self._control_plane.open_to_others() or open_ports(home, reserved_ports(home, self._owner))
        return f"open to other users: {', '.join(opened)}" if opened else "running"

    def create(self, spec: ClusterSpec, timeout: float = 0) -> RunningCluster:
        """Make the cluster and wait until it serves; `timeout` in seconds, 0 for two minutes.

        A complete cluster of the same version and ranges is adopted, and started when it is stopped; anything
        else that lies here is removed first. Raises PortError, ProcessError, ToolchainError, EmbeddedError,
        ClusterError.
        """
        present = self.spec()
        if present is not None and present.fixed == spec.fixed:
            return self.update(spec, timeout)
        if present is not None and not is_recorded(self.directory):
            # What was rebuilt from flags is no proof that this is another cluster than the one asked for.
            raise EmbeddedError(
                f"{self._name}: its record {self.directory / RECORD} is lost, and what kwokctl wrote down differs from "
                "the stack file in its version or ranges; put the record back, or give the cluster up with "
                "meshfleet destroy"
            )
        self.delete()
        _require_version(spec)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._make(spec, timeout or _READY_SECONDS)
            except ProcessError as error:
                stolen = self._stolen_ports()
                self.delete()
                if not stolen:
                    raise
                if attempt == _ATTEMPTS:
                    raise PortError(
                        f"{self._name}: lost its ports {_ATTEMPTS} times to other programs; {error}"
                    ) from error
        raise AssertionError("unreachable")

    def update(self, spec: ClusterSpec, timeout: float = 0) -> RunningCluster:
        """Start what does not run, and make the nodes those of `spec`. The cluster must be complete.

        Raises PortError naming who took a port of a stopped component, and what `create` raises.
        """
        if begins := self._not_yet_valid():
            raise EmbeddedError(ahead(self._name, begins))
        seconds = timeout or _READY_SECONDS
        self._workspace.claim()
        ports = self._ports()
        if self._control_plane.open_to_others():
            self._control_plane.end()
            ports = keep_ports(self._workspace.home, self._owner, PORTS)
        close_ports(self._workspace.home)
        stopped = self._control_plane.stopped()
        if "kube-apiserver" in stopped:
            self._control_plane.end_clients()
            stopped = self._control_plane.stopped()
        if stopped:
            require_free_ports(self._owner, {name: port for name, port in ports.items() if name in stopped})
            self._restart(spec, stopped, ports, seconds)
        return self._complete(spec, ports, seconds)

    def delete(self) -> None:
        """End every process, remove every file, give back the ports and the addresses of gateways that were in it.

        Fine when there is nothing.
        """
        self._control_plane.remove()
        release_ports(self._workspace.home, self._owner)
        close_ports(self._workspace.home)
        release_ranges(self._workspace.home, self._ranges)
        release_addresses(self._workspace.home, self._workspace.owner(self._name, ""))
        self._workspace.prune()

    def running(self) -> RunningCluster:
        """How to reach the complete cluster. Raises EmbeddedError when it is not."""
        if self.spec() is None:
            raise EmbeddedError(f"{self._name}: no complete cluster; run up again to create it")
        server = _server(self._ports())
        return RunningCluster(self._kubeconfig_text(server), server, self._identity())

    def _ports(self) -> dict[str, int]:
        """The ports of a complete cluster: those reserved or, where that was lost, those kwokctl was given."""
        home = self._workspace.home
        ports = reserved_ports(home, self._owner)
        if set(PORTS) <= set(ports):
            return ports
        written = cluster_ports(self.directory)
        if not set(PORTS) <= set(written):
            raise EmbeddedError(
                f"{self._name}: its ports are neither in {home}/reservations.json nor in "
                f"{self.directory}/kwokctl.yaml; put one of them back, or give the cluster up with meshfleet destroy"
            )
        restore_ports(home, self._owner, written)
        return written

    def _kubeconfig_text(self, server: str) -> str:
        """Of the administrator; from the certificates, so that a damaged kubeconfig file is of no consequence."""
        plane = self._control_plane
        return build_kubeconfig(
            self._name,
            server,
            plane.certificate_authority,
            plane.administrator_certificate,
            plane.administrator_key,
        )

    def _not_yet_valid(self) -> datetime | None:
        plane = self._control_plane
        return not_yet_valid([plane.certificate_authority, plane.administrator_certificate])

    def _make(self, spec: ClusterSpec, seconds: float) -> RunningCluster:
        self._workspace.claim(self.directory)
        begin_making(self.directory)
        ports = self._free_ports()
        close_ports(self._workspace.home)
        tools = {name: tool(program, spec.kubernetes_version) for name, program in TOOLS.items()}
        ranged = with_ranges(self._workspace.home, self._ranges, spec)
        self._control_plane.make(kwokctl_configuration(ranged, ports, tools), seconds)
        return self._complete(spec, ports, seconds)

    def _restart(self, spec: ClusterSpec, stopped: Collection[str], ports: dict[str, int], seconds: float) -> None:
        """Start etcd and the API server, and see to it that the others, which come next, take their places."""
        self._control_plane.start([name for name in stopped if name in SERVERS], spec.kubernetes_version)
        self._control_plane.wait_for_server(_server(ports), seconds)
        if "kwok-controller" in stopped:
            with connect(self._kubeconfig_text(_server(ports))) as client, api_errors(f"{self._name}: leases"):
                release_nodes(client)

    def _complete(self, spec: ClusterSpec, ports: dict[str, int], seconds: float) -> RunningCluster:
        server = _server(ports)
        self._control_plane.wait_until_ready(server, spec.kubernetes_version, seconds)
        kubeconfig = self._kubeconfig_text(server)
        write_file(self.kubeconfig, kubeconfig)
        with connect(kubeconfig) as client:
            _wait_for_service_account(client, self._name, seconds)
            with api_errors(f"{self._name}: nodes"):
                apply_nodes(client, with_reserved_pods(self._workspace.home, self._ranges, spec))
        with connected(kubeconfig, None) as apis:
            await_kinds(apis, self._name, seconds)
        # kwokctl leaves it to the system when certificates and its notes reach the disk.
        self._control_plane.sync()
        # Last: that the making has ended says that all of the above is done.
        end_making(self.directory, dump_spec(replace(spec, name=self._name)))
        return RunningCluster(kubeconfig, server, self._identity())

    def _identity(self) -> str:
        """From the certificate of the cluster's own authority, created with every cluster."""
        identity = identity_in_folder(self.directory)
        if identity is None:
            raise EmbeddedError(f"{self._name}: its CA certificate is missing; run up again to create it")
        return identity

    def _free_ports(self) -> dict[str, int]:
        """Free ports; only for a cluster of which nothing exists yet."""
        home = self._workspace.home
        ports = reserve_ports(home, self._owner, PORTS)
        if not all(port_is_free(port) for port in ports.values()):
            release_ports(home, self._owner)
            ports = reserve_ports(home, self._owner, PORTS)
        return ports

    def _stolen_ports(self) -> bool:
        """Whether another process listens on a port of the cluster while none of its own processes runs."""
        self._control_plane.end()
        ports = reserved_ports(self._workspace.home, self._owner)
        return not all(port_is_free(port) for port in ports.values())


def _server(ports: dict[str, int]) -> str:
    return f"https://127.0.0.1:{ports['kube-apiserver']}"


def _wait_for_service_account(client: Client, name: str, seconds: float) -> None:
    """Pods, and so every chart, need the account that the controller manager makes in each namespace."""
    from lightkube.resources.core_v1 import ServiceAccount

    def present() -> None:
        try:
            with api_errors("ServiceAccount default"):
                client.get(ServiceAccount, "default", namespace="default")
        except ClusterError as error:
            raise NotYetError(str(error)) from None

    wait_until(
        present,
        f"the ServiceAccount default of cluster {name}, which its kube-controller-manager creates",
        seconds,
        "check kube-controller-manager.log of the cluster, and run the same command again",
        failure=ClusterError,
    )


def _require_version(spec: ClusterSpec) -> None:
    """Raises ToolchainError unless the toolchain has the version that is asked for."""
    program = tool("kube-apiserver", spec.kubernetes_version)
    try:
        shown = run_bounded([str(program), "--version"], seconds=30).out
    except ProcessError as error:
        raise ToolchainError(f"{program}: does not run ({error}); run {SETUP} to repair the toolchain") from error
    found = re.search(r"v\d+\.\d+\.\d+\S*", shown)
    version = found.group() if found else shown.strip()
    if version != spec.kubernetes_version:
        raise ToolchainError(
            f"{spec.name}: kubernetesVersion {spec.kubernetes_version} is not in the toolchain, which has {version} "
            f"and builds {', '.join(BUILT_KUBERNETES)}; use one of these"
        )
