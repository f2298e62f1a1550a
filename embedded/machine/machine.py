"""A virtual machine as a network namespace: its files, its agent with Envoy, its application; started and ended.

Nothing of the fleet is in it but the onboarding bundle, laid out as a person would do it on a real machine. What runs
in it outlives the command that started it, and is found again by its namespace.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Final

from embedded import processes
from embedded.addresses import MACHINE_RANGE, release_address, reserve_address
from embedded.machine import start_script
from embedded.machine.agent_log import complaint, refusal
from embedded.machine.bundle_folder import Bundle, bundle_of
from embedded.network import machine_network, namespaces, programs
from embedded.network.machine_network import MachineNetwork
from embedded.network.node_network import ROUTER, nodes
from embedded.network.place import Place
from embedded.network.programs import MARK, Surroundings, mark_of
from embedded.node.containers import HttpProbe
from embedded.node.programs import PROXY, Program
from embedded.node.running_container import ask_over_http
from embedded.node.sources import copies, sources
from embedded.waiting import NotYetError, wait_until
from embedded.workspace import Workspace, file_error, write_private_file
from manifests.bundle import HOSTS
from topology.errors import EmbeddedError, NetworkError, ProcessError

if TYPE_CHECKING:
    import psutil

AGENT: Final = "agent"
APPLICATION: Final = "application"
_READY: Final = HttpProbe("/healthz/ready", 15021, period=1.0, failures=1)
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CAPTURE_SECONDS: Final = 30.0
_ENTERED_SECONDS: Final = 10.0
_READY_SECONDS: Final = 60.0
# Envoy drains for five seconds when it is asked to end; a machine that goes does not wait for it.
_GRACE_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Listening:
    """What its application is: its ports by their protocol, and the cluster and version it says it is of."""

    ports: Mapping[str, Sequence[int]]
    cluster: str
    version: str


class Machine:
    """One machine of a fleet, whether it is there or not: one of `group` that is told apart by `address`.

    Without an address it is the one whose address is chosen here.
    """

    def __init__(self, workspace: Workspace, group: str, address: str = "") -> None:
        self._workspace = workspace
        self._place = Place.of(workspace)
        self._wanted = address
        self.group = group
        # No name of a group has a dot in it, so that none is the beginning of another's.
        self.name = f"{group}.{ip_address(address).exploded.replace(':', '-').replace('.', '-')}" if address else group
        self._owner = workspace.owner("machine", self.name)

    @property
    def namespace(self) -> str:
        """Its network namespace."""
        return self._place.machine(self.name)

    @property
    def directory(self) -> Path:
        """All its files; `root` in it is what `/` would be."""
        return machines_directory(self._place) / self.name

    @property
    def root(self) -> Path:
        """Below this are the files that a real machine has below `/`."""
        return self.directory / "root"

    @property
    def log(self) -> Path:
        """Where the agent and Envoy write."""
        return self.directory / "logs" / f"{AGENT}.log"

    @property
    def address(self) -> str:
        """Its address on its network. Raises EmbeddedError when it is not there."""
        try:
            return (self.directory / "address").read_text(encoding="utf-8")
        except OSError as error:
            raise EmbeddedError(f"no machine {self.name} is here; start it with meshfleet vm start") from error

    def exists(self) -> bool:
        """Whether it is there, however well it is."""
        return namespaces.exists(self.namespace)

    def running(self) -> tuple[str, ...]:
        """What runs on it, of AGENT and APPLICATION."""
        found = {mark_of(process) for process in namespaces.processes_in(self.namespace)}
        return tuple(mark for mark in (AGENT, APPLICATION) if mark in found)

    def create(self, bundle: Bundle, network: str) -> None:
        """Make its namespace on `network` and lay the bundle out in it, over an earlier one. Nothing is started.

        Raises EmbeddedError when no node of that network is here, or its address is taken.
        """
        address = self._wanted or bundle.address
        address = address or reserve_address(self._workspace.home, self._owner, range_=MACHINE_RANGE)
        near = [node for node in nodes(self._place) if node.network == network]
        if not near:
            raise NetworkError(
                f"{self.name}: no cluster of network {network} has pods that run here, so nothing leads there; "
                "its clusters need `embedded: {pods: processes}`"
            )
        self._require_free(network, address)
        # That of the cluster it joins, if that is on this network: it is there for as long as the machine has a use.
        router = next((node for node in near if node.cluster == bundle.cluster), near[0])
        machine_network.connect(self._place, MachineNetwork(self.name, network, address), router.address)
        programs.lay_out(self._place, sources(), copies())
        self._lay_out(bundle, address)

    def start_agent(self, seconds: float = _READY_SECONDS) -> None:
        """Start the agent as Istio's script does, or leave the one that runs, and wait until Envoy is ready.

        Raises EmbeddedError, ProcessError with why istiod refuses it or what the agent last complained of.
        """
        started = None
        if AGENT not in self.running():
            bundle = self._bundle()
            for program in (start_script.clean(bundle), start_script.capture(bundle)):
                self._run(program)
            started = self._start(AGENT, start_script.agent(bundle, self.group, self.address, self._binaries))

        def ready() -> None:
            if started.poll() is not None if started else AGENT not in self.running():
                raise ProcessError(f"{self.name}: the agent has ended; {processes.last_lines(self.log)}")
            if not namespaces.inside(self.namespace, lambda: ask_over_http("127.0.0.1", _READY)):
                said = self.said()
                if refused := refusal(said):
                    raise ProcessError(f"{self.name}: {refused}")
                raise NotYetError(complaint(said) or "nothing, the agent does not complain")

        wait_until(ready, f"the proxy of machine {self.name}", seconds, f"look into {self.log}", every=0.1)

    def stop_agent(self) -> None:
        """End the agent, and Envoy with it; fine when neither runs. Raises ProcessError."""
        self._end(AGENT)

    def start_application(self, listening: Listening) -> None:
        """Start its application; one that runs is left. Raises EmbeddedError."""
        if APPLICATION not in self.running():
            program = start_script.application(listening.ports, listening.cluster, listening.version)
            self._start(APPLICATION, program)

    def stop_application(self) -> None:
        """End its application; fine when none runs. Raises ProcessError."""
        self._end(APPLICATION)

    def remove(self) -> None:
        """End all that runs on it and remove its namespace and its files; fine when there is none.

        Raises NetworkError, ProcessError, EmbeddedError.
        """
        machine_network.disconnect(self._place, self.name)
        release_address(self._workspace.home, self._owner)
        try:
            shutil.rmtree(self.directory)
        except FileNotFoundError:
            return
        except OSError as error:
            raise file_error(self.directory, error) from error

    def said(self) -> str:
        """What the agent and Envoy have written since they were started; empty when nothing."""
        try:
            return self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def _require_free(self, network: str, address: str) -> None:
        taken = {
            one.address: f"machine {one.name}"
            for one in machine_network.machines(self._place)
            if one.network == network and one.name != self.name
        }
        for node in nodes(self._place):
            taken[node.address] = f"the node of {node.cluster}"
            if node.network == network and ip_address(address) in ip_network(node.pods):
                taken[address] = f"a pod of {node.cluster}, which has {node.pods} for them"
        if address in taken:
            raise NetworkError(f"{self.name}: {address} is that of {taken[address]}; give the machine another one")

    @property
    def _binaries(self) -> Path:
        return self._place.directory / "bin"

    def _bundle(self) -> Bundle:
        files = {}
        for name, place in {**start_script.FILES, HOSTS: f"etc/{HOSTS}"}.items():
            try:
                files[name] = (self.root / place).read_text(encoding="utf-8")
            except OSError as error:
                raise file_error(self.root / place, error) from error
        return bundle_of(files)

    def _lay_out(self, bundle: Bundle, address: str) -> None:
        """Put the files in their places, as docs/virtual-machines.md says for real machines."""
        try:
            for folder in (self.directory.parent, self.directory, self.directory / "logs"):
                folder.mkdir(mode=0o711, parents=True, exist_ok=True)
            # With the certificates of an earlier bundle the agent would come as who it was.
            shutil.rmtree(self.root, ignore_errors=True)
            for name, place in start_script.FILES.items():
                self._write(self.root / place, bundle.files[name])
            self._write(self.root / "etc" / HOSTS, f"127.0.0.1 localhost {self.group}\n{bundle.files[HOSTS]}")
            self._folder(self.root / "etc" / "istio" / "proxy")
            (self.root / "etc" / HOSTS).chmod(0o644)
            resolver = self.root / "etc" / "resolv.conf"
            # Nobody is there to answer: what the proxy does not know is not known.
            self._write(resolver, f"nameserver {ROUTER}\n")
            resolver.chmod(0o644)
            write_private_file(self.directory / "address", address)
        except OSError as error:
            raise file_error(self.directory, error) from error

    def _write(self, path: Path, content: str) -> None:
        self._folder(path.parent)
        write_private_file(path, content)
        os.chown(path, PROXY, PROXY)

    def _folder(self, folder: Path) -> None:
        missing = [one for one in (folder, *folder.parents) if one.is_relative_to(self.root) and not one.exists()]
        for one in reversed(missing):
            one.mkdir(mode=0o700)
            os.chown(one, PROXY, PROXY)

    def _line(self, program: Program) -> list[str]:
        etc = self.root / "etc"
        surroundings = Surroundings(self.namespace, etc / HOSTS, etc / "resolv.conf", program.user)
        return programs.command(surroundings, self._binaries, sources(), program.name, program.arguments)

    def _start(self, mark: str, program: Program) -> subprocess.Popen[bytes]:
        # What one that was killed has left behind holds the ports of the next one.
        self._end(mark)
        environment = {"PATH": _PATH, **program.environment, MARK: mark}
        log = self.directory / "logs" / f"{mark}.log"
        directory = self.root if program.user == PROXY else self.directory / "logs"
        started = programs.start(self._line(program), directory, log, environment, program.user)
        # Collects the exit status, so that what ends while we live is gone and not a zombie.
        threading.Thread(target=started.wait, name=f"reap-{started.pid}", daemon=True).start()

        def entered() -> None:
            # Until it is the program itself, it is now and then nothing for a moment: what starts it becomes another.
            if any(program_of(process).startswith(str(self._binaries)) for process in self._processes(mark)):
                return
            if started.poll() is not None:
                raise ProcessError(f"{self.name}: the {mark} has ended; {processes.last_lines(log)}")
            raise NotYetError("it has not entered its namespace")

        wait_until(entered, f"the {mark} of machine {self.name}", _ENTERED_SECONDS, f"look into {log}")
        return started

    def _run(self, program: Program) -> None:
        line = self._line(program)
        try:
            done = subprocess.run(
                line,
                cwd=self.root,
                env={"PATH": _PATH, **program.environment},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_CAPTURE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProcessError(f"{self.name}: the rules of the proxy cannot be written ({error})") from error
        if done.returncode != 0:
            said = " ".join((done.stderr or done.stdout).split())[-400:]
            raise ProcessError(f"{self.name}: the rules of the proxy cannot be written: {said}")

    def _end(self, mark: str) -> None:
        processes.end(self._processes(mark), _GRACE_SECONDS)

    def _processes(self, mark: str) -> list[psutil.Process]:
        return [one for one in namespaces.processes_in(self.namespace) if mark_of(one) == mark]


def program_of(process: psutil.Process) -> str:
    """The program a process runs, as it was named; empty when it has ended."""
    import psutil

    try:
        return (process.cmdline() or [""])[0]
    except psutil.Error:
        return ""


def machines_directory(place: Place) -> Path:
    """Where the files of a fleet's machines are."""
    return place.directory / "machines"


def machines_here(workspace: Workspace, group: str = "") -> list[Machine]:
    """The machines of a fleet that are here, or those of one group."""
    found = []
    for one in machine_network.machines(Place.of(workspace)):
        name, dot, _ = one.name.partition(".")
        if group in ("", name):
            found.append(Machine(workspace, name, one.address if dot else ""))
    return found
