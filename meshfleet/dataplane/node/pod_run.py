"""The life of one pod on a node: its namespace, its files, its containers in order, and the end of all of it."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from meshfleet.dataplane.network import namespaces, node_network
from meshfleet.dataplane.network.node_network import NodeNetwork
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.network.router import ROUTER
from meshfleet.dataplane.network.users import EARLIER, Users, users_of
from meshfleet.dataplane.node.container_processes import processes_of, programs_of
from meshfleet.dataplane.node.containers import Container, HttpProbe, containers_of
from meshfleet.dataplane.node.pod_status import failed_status, is_ready, pod_status
from meshfleet.dataplane.node.running_container import RunningContainer, ask_over_http, now
from meshfleet.dataplane.node.termination import end_containers
from meshfleet.dataplane.node.volumes import PodVolumes
from meshfleet.errors import FileError, UnsupportedError
from meshfleet.errors.containment import MALFORMED, REFUSED, Failure, each
from meshfleet.files import make_directory, read_text, write_file, write_in_place
from meshfleet.kube.api_errors import RefusedError, api_errors
from meshfleet.workspace import fleet_processes as processes

if TYPE_CHECKING:
    from lightkube import Client
    from lightkube.resources.core_v1 import Pod

_TICK_SECONDS: Final = 0.2
_FILES_SECONDS: Final = 10.0
_GRACE_SECONDS: Final = 2.0
_LIVED_SECONDS: Final = 60.0
"""A pod that lived so long before it failed begins with the shortest pause again."""
_PATIENT: Final = 30
_LONGEST_PAUSE: Final = 60.0


class Launch(Protocol):
    """Starts the process of a container in the pod's namespace."""

    def __call__(self, pod: PodRun, container: Container) -> subprocess.Popen[bytes] | None:
        """Start it; None when nothing stands for the container. Raises ProcessError, EmbeddedError."""
        ...

    def reads(self, container: Container) -> bool:
        """Whether something runs for it that finds its volumes."""
        ...

    def is_current(self, pod: PodRun, container: Container, line: Sequence[str]) -> bool:
        """Whether a process with this command line may go on for it."""
        ...


@dataclass
class PodRun:
    """One pod. `address` is its own, kept for as long as it lives; `launch` starts what stands for a container."""

    client: Client
    place: Place
    node: NodeNetwork
    pod: Pod
    address: str
    launch: Launch
    hosts: Callable[[], str]
    said: Callable[[str], None]
    stop: threading.Event = field(default_factory=threading.Event)
    leave: threading.Event = field(default_factory=threading.Event)
    grace: float = 0.0
    failed: Callable[[str | None], None] = lambda _: None
    users: Users = EARLIER
    _told: Mapping[str, Any] = field(default_factory=dict)
    _begun: str = field(default_factory=now)

    @property
    def uid(self) -> str:
        """The pod's UID, which no other pod ever has."""
        return str(self.pod.metadata.uid if self.pod.metadata else "")

    @property
    def name(self) -> str:
        """`namespace/name`."""
        metadata = self.pod.metadata
        return f"{metadata.namespace}/{metadata.name}" if metadata else ""

    def seen(self, pod: Pod) -> None:
        """Take notice of the pod as the API server has it now."""
        self.pod = pod
        conditions = (pod.status.conditions if pod.status else None) or ()
        if is_ready(conditions) != is_ready(self._told.get("conditions", ())):
            # Another writer changed the status, as the node controller does for pods of a node without a heartbeat.
            self._told = {}

    def delete(self, pod: Pod | None) -> None:
        """Begin its end; None when the API server has deleted it, so that there is nothing to wait for."""
        metadata = pod.metadata if pod else None
        self.grace = float((metadata.deletionGracePeriodSeconds if metadata else 0) or 0)
        self.stop.set()

    @property
    def directory(self) -> Path:
        """All files of the pod."""
        return pods_directory(self.place, self.node.cluster) / self.uid

    @property
    def volumes(self) -> Path:
        """The folders of its volumes."""
        return self.directory / "volumes"

    @property
    def namespace(self) -> str:
        """Its network namespace."""
        return self.place.pod(self.node.cluster, self.uid)

    def run(self) -> None:
        """Bring it up and keep it so until it is deleted, or until the node leaves and its processes stay."""
        attempts = 0
        while not self.stop.is_set() and not self.leave.is_set():
            begun = time.monotonic()
            try:
                self._live()
            except (*REFUSED, *MALFORMED) as error:
                # The API server may be away, or what it mounts is not there yet: as a kubelet, it tries again.
                attempts = 1 if time.monotonic() - begun > _LIVED_SECONDS else attempts + 1
                passing = isinstance(error, REFUSED) and not isinstance(error, UnsupportedError)
                self._fail(Failure(self.name, error), pause := back_off(attempts, passing))
                self.stop.wait(pause)
        if self.stop.is_set():
            for failure in each([self], PodRun._end, (*REFUSED, *MALFORMED)):
                self.said(f"{self.name}: {failure.reason}")
            self.failed(None)

    def _fail(self, failure: Failure[str], pause: float) -> None:
        """Report why the pod does not run, in its log, its status and an event on it."""
        self.said(f"{self.name}: {failure.reason}; next attempt in {pause:.0f} s")
        self.failed(failure.reason)
        # One that runs is not ended by an API server that was away for a moment.
        if self._told.get("phase") != "Running":
            for other in each([failed_status(self.pod, failure.reason)], self._patch):
                self.said(f"{self.name}: {other.reason}")

    def _live(self) -> None:
        self._prepare()
        containers = containers_of(self.pod, self.address, self.node.address)
        # What nothing here reads is not fetched: istiod's own key, for one.
        read = {mount.volume for one in containers if self.launch.reads(one) for mount in one.mounts}
        volumes = PodVolumes(self.volumes, self.users.proxy, frozenset(read))
        volumes.fetch(self.client, self.pod, self.address, self.node.address)
        running = {one.name: self._running(one) for one in containers}
        self._adopt(running)
        self._tell(containers, running)
        # What an attempt before failed for has passed.
        self.failed(None)
        for one in running.values():
            if not self._started(one, containers, running):
                return
        waited = 0.0
        while not self.stop.wait(_TICK_SECONDS) and not self.leave.is_set():
            for one in running.values():
                if not one.container.first or one.container.sidecar:
                    one.look(self._ask)
            self._tell(containers, running)
            self._write_names()
            waited += _TICK_SECONDS
            if waited >= _FILES_SECONDS:
                waited = 0.0
                volumes.fetch(self.client, self.pod, self.address, self.node.address)

    def _started(
        self, one: RunningContainer, containers: tuple[Container, ...], running: dict[str, RunningContainer]
    ) -> bool:
        """Start a container in its turn; False when the pod is to end before the next one may start."""
        container = one.container
        if not one.state.running and one.state.code != 0:
            one.begin()
        if container.first and not container.sidecar:
            while one.wait(self.stop) != 0:
                self._tell(containers, running)
                if self.stop.wait(1.0) or self.leave.is_set():
                    return False
                one.begin()
        if container.sidecar and container.started:
            while not self._ask(container.started):
                one.look(self._ask)
                self._tell(containers, running)
                if self.stop.wait(_TICK_SECONDS) or self.leave.is_set():
                    return False
        return not self.stop.is_set()

    def _prepare(self) -> None:
        for folder in (self.directory, self.volumes, self.directory / "logs"):
            make_directory(folder)
        self.users = users_of(self.directory, began_earlier=(self.directory / "address").exists())
        node_network.connect_pod(self.place, self.node, self.namespace, self.address)
        write_file(self.directory / "address", self.address)
        self._write_names()

    def _write_names(self) -> None:
        """In place, since what is mounted in a running container is this very file."""
        metadata = self.pod.metadata
        names = f"127.0.0.1 localhost\n{self.address} {metadata.name if metadata else ''}\n"
        for name, text in (("hosts", names + self.hosts()), ("resolv.conf", resolver(self.pod))):
            path = self.directory / name
            if _content(path) != text:
                write_in_place(path, text, mode=0o644)

    def _running(self, container: Container) -> RunningContainer:
        log = self.directory / "logs" / f"{container.name}.log"
        return RunningContainer(container, log, self._launch)

    def _launch(self, container: Container) -> subprocess.Popen[bytes] | None:
        # What a container that was killed has left behind holds the ports of the next one.
        processes.end(self._processes_of(container.name), grace=0)
        return self.launch(self, container)

    def _processes_of(self, container: str) -> list[Any]:
        return processes_of(container, namespaces.processes_in(self.namespace))

    def _programs_of(self, container: str) -> list[Any]:
        return programs_of(container, namespaces.processes_in(self.namespace))

    def _adopt(self, running: Mapping[str, RunningContainer]) -> None:
        for name, one in running.items():
            for process in self._programs_of(name):
                if not self.launch.is_current(self, one.container, process.cmdline()):
                    # One that an earlier version has started; it begins again in its turn.
                    processes.end([process], grace=0)
                    continue
                one.adopt(process)
                # Asked before anything is told: a pod that has been ready all the time never was without.
                one.look(self._ask)

    def _ask(self, probe: HttpProbe) -> bool:
        router = self.place.node(self.node.cluster)
        return namespaces.inside(router, lambda: ask_over_http(self.address, probe))

    def _tell(self, containers: tuple[Container, ...], running: Mapping[str, RunningContainer]) -> None:
        states = {name: one.state for name, one in running.items()}
        status = pod_status(containers, states, self.address, self.node.address, self._begun)
        if status == self._told:
            return
        self._patch(status)
        self._told = status
        self.failed(None)

    def _patch(self, status: Mapping[str, Any]) -> None:
        from lightkube.resources.core_v1 import Pod
        from lightkube.types import PatchType

        metadata = self.pod.metadata
        with api_errors(f"status of pod {self.name}"):
            self.client.patch(
                Pod.Status,
                str(metadata.name if metadata else ""),
                {"status": dict(status)},
                namespace=metadata.namespace if metadata else None,
                patch_type=PatchType.MERGE,
            )

    def _end(self) -> None:
        from lightkube.resources.core_v1 import Pod

        if self.grace > 0:
            containers = containers_of(self.pod, self.address, self.node.address)
            end_containers(containers, self._programs_of, self.grace, self.leave)
            if self.leave.is_set():
                return
        processes.end(namespaces.processes_in(self.namespace), _GRACE_SECONDS)
        node_network.disconnect_pod(self.place, self.node, self.namespace)
        shutil.rmtree(self.directory, ignore_errors=True)
        metadata = self.pod.metadata
        try:
            with api_errors(f"pod {self.name}"):
                self.client.delete(
                    Pod,
                    str(metadata.name if metadata else ""),
                    namespace=metadata.namespace if metadata else None,
                    grace_period=0,
                )
        except RefusedError as error:
            if not error.not_found:
                self.said(f"{self.name}: {error}")


def back_off(attempts: int, passing: bool) -> float:
    """Seconds before the next attempt after so many in a row: 1, 2, 4 … 60. Pure.

    What is `passing`, as a Secret that is not there yet or an API server that restarts, is tried each second at first.
    """
    doublings = max(0, attempts - (_PATIENT if passing else 1))
    return min(_LONGEST_PAUSE, 2.0 ** min(doublings, 10))


def pods_directory(place: Place, cluster: str) -> Path:
    """Where the files of a cluster's pods are."""
    return place.directory / "pods" / cluster


def resolver(pod: Pod) -> str:
    """The /etc/resolv.conf of a pod: only the proxy's own DNS server responds."""
    namespace = pod.metadata.namespace if pod.metadata else "default"
    domain = "svc.cluster.local"
    return f"nameserver {ROUTER}\nsearch {namespace}.{domain} {domain} cluster.local\noptions ndots:5\n"


def _content(path: Path) -> str | None:
    try:
        return read_text(path)
    except FileError:
        # Damaged: it is written again, or says then why it cannot be.
        return None
