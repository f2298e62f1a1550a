"""The process of a node agent, and the Node it stands for: started, found again, ended, removed with all its pods.

Without the privileges, or without what packets are led with, the node is one of KWOK's, and its pods run in name only.
"""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from meshfleet.dataplane.network.node_network import NodeNetwork, default_pods, moved, remove_node, without
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.node.draining import drain
from meshfleet.dataplane.node.sources import sources
from meshfleet.dataplane.node.spec import known_node, write_node
from meshfleet.embedded.addresses import release_address, reserve_address
from meshfleet.embedded.cluster_spec import ClusterSpec
from meshfleet.embedded.nodes import node_objects
from meshfleet.embedded.privileges import missing_for_pods
from meshfleet.errors import ClusterError, FileError
from meshfleet.files import make_directory, read_text, remove_file, write_file
from meshfleet.kube.api_errors import RefusedError, api_errors
from meshfleet.kube.kubeconfig import connect, select_context
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace, remove_directory
from meshfleet.workspace.project_folder import CODE

if TYPE_CHECKING:
    import psutil
    from lightkube import Client

PROGRAM: Final = "node-agent"
_LOG: Final = "agent.log"
_MANAGER: Final = "meshfleet-node"
_SECONDS: Final = 60.0
_GRACE_SECONDS: Final = 5.0
_FORMAT: Final = 4
"""Of agents: 1 knew of one network for each node, 2 of one user for all pods, 3 starts modules by names of before."""


@dataclass(frozen=True)
class NodeSpec:
    """A node: its cluster, the network it is on, and the labels of its place. `pods` is a range, or None for one."""

    cluster: str
    network: str
    pods: str | None = None
    region: str | None = None
    zone: str | None = None


def missing_prerequisite() -> str:
    """Why pods cannot run as processes here; empty when they can."""
    return missing_for_pods()


def expected_state() -> str:
    """How a node is on this machine once it is made: `running`, or `simulated: …` with the reason."""
    reason = missing_prerequisite()
    return f"simulated: {reason}" if reason else "running"


class NodeAgent:
    """The agent of one cluster's node, whether it runs or not."""

    def __init__(self, workspace: Workspace, cluster: str) -> None:
        self._workspace = workspace
        self._cluster = cluster
        self._owner = workspace.owner("node", cluster)
        self._place = Place.of(workspace)
        self.directory = workspace.node(cluster)
        self.name = f"{cluster}-0"

    def state(self) -> str | None:
        """`running`, `simulated: …` with the reason, `stopped`, or None when there is none.

        `outdated` is an agent that an earlier release started: it cannot read what nodes say of themselves now.
        """
        try:
            kept = read_text(self.directory / "state")
        except FileError:
            kept = ""
        if kept is None and not (self.directory / "node.json").exists():
            return None
        # Lost or damaged: whether it runs is seen all the same, and the next `up` writes it again.
        kept = kept if kept and kept.startswith("simulated") else "running"
        if kept != "running":
            return kept
        if not self._running():
            return "stopped"
        return "running" if self._kept_fingerprint().startswith(f"{_FORMAT}-") else "outdated"

    def create(self, spec: NodeSpec, kubeconfig: str, context: str | None, timeout: float = 0) -> str:
        """Make the node and wait until its cluster has it; its state. Raises EmbeddedError, ClusterError."""
        reason = missing_prerequisite()
        self._workspace.claim(self.directory)
        with connect(kubeconfig, context) as client:
            self._apply(client, spec, simulated=bool(reason))
            if not reason:
                self._start(spec, select_context(kubeconfig, context))
            self._await_ready(client, timeout or _SECONDS)
        state = expected_state()
        write_file(self.directory / "state", state)
        return state

    def delete(self, kubeconfig: str | None = None, context: str | None = None) -> None:
        """End it, with its pods and their network, and remove its files. Its cluster may be gone."""
        processes.end(self._running(), _GRACE_SECONDS)
        if not missing_prerequisite() and self._others_are_led():
            drain(self._place, self._cluster)
        self.remove()
        if kubeconfig is None:
            return
        try:
            with connect(kubeconfig, context) as client:
                self._withdraw(client)
        except ClusterError:
            # The cluster is gone or going; what was in it goes with it.
            return

    def remove(self) -> None:
        """Remove what it left on this machine."""
        if not missing_prerequisite():
            remove_node(self._place, self._cluster)
        release_address(self._workspace.home, self._owner)
        remove_directory(self.directory)
        self._workspace.prune()

    def _others_are_led(self) -> bool:
        """Whether an istiod of another cluster runs, whose proxies may send requests here."""
        folder = self._workspace.directory / "istiods"
        others = [path for path in folder.glob("*") if not path.name.startswith(f"{self._cluster}.")]
        return any(processes.find_all(others).values())

    def _running(self) -> list[psutil.Process]:
        return processes.find(self.directory).get(PROGRAM, [])

    def _start(self, spec: NodeSpec, kubeconfig: str) -> None:
        address = reserve_address(self._workspace.home, self._owner)
        before = known_node(self.directory, self._place)
        network = moved(before, spec.network, address, spec.pods or default_pods(address), spec.cluster)
        fingerprint = _fingerprint(network, kubeconfig)
        if self._running() and self._kept_fingerprint() == fingerprint:
            return
        processes.end(self._running(), _GRACE_SECONDS)
        write_node(self.directory, network)
        write_file(self.directory / "kubeconfig", kubeconfig)
        processes.start(
            self._link(),
            ["-m", "meshfleet.dataplane.node", self._workspace.fleet, self._cluster],
            self.directory,
            self.directory / _LOG,
            _environment(self._workspace),
        )
        write_file(self.directory / "fingerprint", fingerprint)

    def _kept_fingerprint(self) -> str:
        """That of the agent which was started last; empty when there was none."""
        try:
            return read_text(self.directory / "fingerprint") or ""
        except FileError:
            # Damaged: the agent is started again.
            return ""

    def _link(self) -> Path:
        """The interpreter under a name by which the process is known."""
        link = self.directory / "bin" / PROGRAM
        make_directory(link.parent)
        interpreter = Path(sys.executable).resolve()
        if not link.is_symlink() or link.readlink() != interpreter:
            remove_file(link)
            link.symlink_to(interpreter)
        return link

    def _apply(self, client: Client, spec: NodeSpec, *, simulated: bool) -> None:
        from lightkube.codecs import from_dict

        wanted = node_object(spec, simulated=simulated)
        with api_errors(f"node {self.name}"):
            client.apply(from_dict(wanted), field_manager=_MANAGER, force=True)

    def _await_ready(self, client: Client, seconds: float) -> None:
        from lightkube.resources.core_v1 import Node

        def ready() -> None:
            with api_errors(f"node {self.name}"):
                status = client.get(Node, self.name).status
            conditions = {one.type: one.status for one in (status.conditions if status else None) or ()}
            if conditions.get("Ready") != "True":
                raise NotYetError("it is not ready")

        wait_until(
            ready,
            f"the node {self.name} of cluster {self._cluster}",
            seconds,
            f"check {self.directory / _LOG}, and run the same command again",
            failure=ClusterError,
        )

    def _withdraw(self, client: Client) -> None:
        from lightkube.resources.core_v1 import Node

        try:
            with api_errors(f"node {self.name}"):
                client.delete(Node, self.name)
        except RefusedError as error:
            if not error.not_found:
                raise


def node_object(spec: NodeSpec, *, simulated: bool) -> dict[str, Any]:
    """The Node; only where it is `simulated` KWOK takes it for its own. Pure."""
    (made,) = node_objects(ClusterSpec(spec.cluster, "", 1, pod_cidr=spec.pods, region=spec.region, zone=spec.zone))
    made["metadata"]["labels"]["app.kubernetes.io/managed-by"] = _MANAGER
    if not simulated:
        del made["metadata"]["annotations"]["kwok.x-k8s.io/node"]
        made["metadata"]["labels"]["type"] = PROGRAM
    return made


def _environment(workspace: Workspace) -> dict[str, str]:
    """What the agent sees: this project and its environment, whatever the interpreter's own name is."""
    paths = [str(CODE), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    kept = {name: os.environ[name] for name in ("MESHFLEET_TOOLS", "MESHFLEET_CACHE") if name in os.environ}
    return kept | {
        "PATH": os.environ.get("PATH", os.defpath),
        # Whatever a library keeps for its user goes with the fleet; the home itself may be no user's (home_directory).
        "HOME": str(workspace.directory),
        "MESHFLEET_HOME": str(workspace.home),
        "PYTHONHOME": sys.base_prefix,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
    }


def _fingerprint(network: NodeNetwork, kubeconfig: str) -> str:
    """Changes whenever another start would give another agent."""
    # The agent itself takes its node off networks that it was on before.
    parts = [repr(asdict(without(network, network.former))), kubeconfig, repr(sorted(sources().items()))]
    return f"{_FORMAT}-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()}"
