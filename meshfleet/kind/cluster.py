"""The life of a kind cluster: made, found again, repaired, removed. What is not marked as ours is never touched.

What a killed run left of a cluster is known by its mark and removed before the cluster is made again.
Source: https://kind.sigs.k8s.io/docs/user/quick-start/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from meshfleet.errors import EmbeddedError, MeshfleetError
from meshfleet.kind import nodes as containers
from meshfleet.kind import record as records
from meshfleet.kind.engine import DockerEngine, engine_for
from meshfleet.kind.equipment import (
    equip,
    kubeconfig_of,
    places_of,
    refuse_unknown_services,
    wait_until_ready,
    wait_until_served,
)
from meshfleet.kind.faults import docker_fault, is_taken
from meshfleet.kind.images import cluster_patches, node_image
from meshfleet.kind.inotify import require_instances
from meshfleet.kind.later_images import load_later_images
from meshfleet.kind.nodes import Node
from meshfleet.kind.packets import NodePlace, gateway_addresses
from meshfleet.kind.record import KindRecord
from meshfleet.kind.spec import KindSpec, configuration, name_of
from meshfleet.processes.bounded_run import run_bounded
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.fleet_identity import variables_of
from meshfleet.workspace.home import Workspace, remove_directory

SECONDS: Final = 600.0
"""The bound of making a cluster where the user set none; on a busy machine two at once take two minutes."""
RUNNING: Final = "running"
_READY_SECONDS: Final = 240.0


@dataclass(frozen=True)
class RunningKind:
    """A complete cluster. `kubeconfig` leads to `server`, the address of its node, which other clusters reach."""

    kubeconfig: str = field(repr=False)
    server: str
    addresses: list[str]
    image: str
    mark: str


class KindCluster:
    """One cluster of a fleet on one engine. `mark` is the one that the state has recorded, or empty."""

    def __init__(self, workspace: Workspace, name: str, engine: DockerEngine, mark: str = "") -> None:
        self.workspace, self.name, self.engine = workspace, name, engine
        self.called = name_of(workspace.fleet, name)
        self.directory = workspace.containers(name)
        self._mark = mark

    def state(self) -> str | None:
        """None when nothing of it is there, `running`, or what keeps it from running.

        Raises EmbeddedError when a cluster of its name is there that is not ours, or the engine does not respond.
        """
        if not self.engine.is_running():
            # Its containers are kept where it keeps all of its own, if they were made.
            return f"stopped: {self.engine.where}" if records.read(self.directory) else None
        found = self._ours()
        if not found:
            return None
        if stopped := [node.name for node in found if not node.running]:
            return f"stopped: {', '.join(stopped)}"
        record = records.read(self.directory)
        if record is None or not record.nodes:
            return "incomplete: it was not made to the end"
        if any(record.started.get(node.name) != node.started for node in found) or len(found) != len(record.nodes):
            return "restarted: its routes and addresses are to be set again"
        return RUNNING

    def create(self, spec: KindSpec, socket: str, timeout: float = 0) -> RunningKind:
        """Make it. Raises EmbeddedError, which says what to do; nothing of it is left then."""
        with self.engine.in_use():
            return self._create(spec, socket, timeout)

    def _create(self, spec: KindSpec, socket: str, timeout: float) -> RunningKind:
        self.workspace.claim(self.directory)
        # kind itself may be at work still where the run that started it was killed.
        leftovers = processes.find(self.directory)
        processes.end([process for same in leftovers.values() for process in same], grace=0)
        containers.remove(self.engine, self._ours())
        image = node_image(self.engine, spec)
        require_instances(spec.nodes)
        before = records.read(self.directory)
        record = KindRecord(before.nonce if before else records.new_nonce(), spec.network, socket, spec.built)
        records.write(self.directory, record)
        self._mark = record.nonce
        try:
            self._make(spec, image, record, timeout or SECONDS)
            return self._complete(spec, record, image)
        except MeshfleetError as error:
            found = self._ours()
            reason = _with_log(self.engine, found, error)
            containers.remove(self.engine, found)
            raise EmbeddedError(f"{self.name}: {reason}") from error

    def repair(self, spec: KindSpec, socket: str, image: str) -> RunningKind:
        """Start what does not run, and set again what a restart loses. Raises EmbeddedError."""
        with self.engine.in_use():
            return self._repair(spec, socket, image)

    def _repair(self, spec: KindSpec, socket: str, image: str) -> RunningKind:
        self.workspace.claim(self.directory)
        found = self._ours()
        if not found:
            raise EmbeddedError(f"{self.name}: its nodes are gone; run meshfleet up again, which makes them again")
        containers.start(self.engine, found)
        refuse_unknown_services(self.engine, spec, found)
        before = records.read(self.directory)
        record = before or KindRecord(self._mark, spec.network, socket, spec.built)
        return self._complete(spec, replace(record, network=spec.network), image)

    def running(self, image: str, addresses: int) -> RunningKind:
        """The cluster as it is, which runs. Raises EmbeddedError."""
        found = self._ours()
        if not found or not found[0].address:
            raise EmbeddedError(f"{self.name}: its nodes do not run; run meshfleet up, which starts them")
        record = records.read(self.directory)
        return self._running(found, record, image, addresses)

    def delete(self) -> None:
        """Remove its containers, its files and what was reserved; fine when there is nothing. Raises EmbeddedError."""
        leftovers = processes.find(self.directory)
        processes.end([process for same in leftovers.values() for process in same], grace=0)
        with self.engine.in_use():
            found = containers.nodes_of(self.engine, self.called)
            # One that is not ours has the name since ours went, and is no business of ours.
            containers.remove(self.engine, [node for node in found if node.marks & self._marks()])
        remove_directory(self.directory)
        self.workspace.prune()
        self.engine.end_if_unused()

    def _marks(self) -> frozenset[str]:
        record = records.read(self.directory)
        return frozenset(filter(None, (self._mark, record.nonce if record else "")))

    def _ours(self) -> list[Node]:
        """Its containers. Raises EmbeddedError when one of its name is not ours."""
        found = containers.nodes_of(self.engine, self.called)
        marks = self._marks()
        foreign = [node.name for node in found if not node.marks & marks]
        if foreign:
            raise EmbeddedError(
                f"{self.name}: a kind cluster {self.called} is there that this stack did not make "
                f"({', '.join(foreign)}), and it is not touched; delete it with kind delete cluster --name "
                f"{self.called}, or rename the stack or the cluster"
            )
        return found

    def _make(self, spec: KindSpec, image: str, record: KindRecord, seconds: float) -> None:
        mark = records.mark_of(self.directory)
        text = configuration(spec, self.called, image, mark, record.nonce, cluster_patches(built=spec.built))
        # No wait: nodes get ready once they have their network, which is ours to set. What fails stays for its log.
        command = [str(self.engine.kind), "create", "cluster", "--config=-", "--wait=0s", "--retain"]
        command += [f"--kubeconfig={self.directory / 'kubeconfig'}"]
        environment = self.engine.environment() | dict(variables_of(self.directory))
        for first in (True, False):
            ended = run_bounded(command, seconds=seconds, environment=environment, directory=self.directory, stdin=text)
            if not ended.code:
                return
            # What a killed run had requested of the engine may be there only now, after it was looked for.
            late = self._ours() if first and is_taken(ended.err or ended.out) else []
            if not late:
                raise docker_fault(self.engine.where, ended.err or ended.out, "kind create cluster")
            containers.remove(self.engine, late)

    def _complete(self, spec: KindSpec, record: KindRecord, image: str) -> RunningKind:
        found = self._ours()
        wait_until_served(self.engine, found[0])
        places = places_of(self.engine, found)
        record = replace(record, nodes=tuple(places))
        # Before the others are looked at: of two that are completed at once, one sees the other.
        records.write(self.directory, record)
        running = self._running(found, record, image, spec.addresses)
        equip(self.engine, spec, found, places, self._peers(record), running.addresses)
        wait_until_ready(self.engine, found, _READY_SECONDS)
        load_later_images(self.engine, found, spec.later_images)
        records.write(self.directory, replace(record, started={node.name: node.started for node in self._ours()}))
        return running

    def _running(self, found: Sequence[Node], record: KindRecord | None, image: str, addresses: int) -> RunningKind:
        first = found[0]
        server = f"https://{first.address}:6443"
        kubeconfig = kubeconfig_of(self.engine, first, self.called, server)
        given = gateway_addresses(containers.subnet_of(self.engine), IPv4Address(first.address), max(addresses, 1))
        return RunningKind(kubeconfig, server, given, image, record.nonce if record else self._mark)

    def _peers(self, record: KindRecord) -> list[NodePlace]:
        """The nodes of the fleet's other clusters on its network and its engine."""
        beside: list[Path] = sorted(self.directory.parent.iterdir())
        others = [records.read(directory) for directory in beside if directory != self.directory]
        return [
            node
            for other in others
            if other and (other.network, other.socket, other.built) == (record.network, record.socket, record.built)
            for node in other.nodes
        ]


def recorded_state(workspace: Workspace, name: str, inputs: Mapping[str, object], mark: str) -> str | None:
    """`KindCluster.state` of a cluster by the inputs that are recorded of it. Raises EmbeddedError."""
    engine = engine_for(str(inputs.get("socket") or ""), built=inputs.get("images") == "built")
    return KindCluster(workspace, name, engine, mark).state()


def remove_recorded(workspace: Workspace, cluster: str = "") -> None:
    """Remove the clusters of a fleet, or one, that have a record on this machine: what a killed run left too.

    Raises EmbeddedError when one cannot be removed; its files stay then, and so the next removal finds it.
    """
    records_in = workspace.directory / "containers"
    names = [cluster] if cluster else sorted(path.name for path in records_in.glob("*") if path.is_dir())
    for name in names:
        if record := records.read(workspace.containers(name)):
            KindCluster(workspace, name, engine_for(record.socket, built=record.built), record.nonce).delete()


def _with_log(engine: DockerEngine, found: Sequence[Node], error: MeshfleetError) -> str:
    """The error, and the last words of the kubelet where a node was there that may not have started."""
    running = [node for node in found if node.running]
    log = containers.kubelet_log(engine, running[0].identifier) if running else ""
    return f"{error}; the kubelet of {running[0].name} printed last: {log}" if log else str(error)
