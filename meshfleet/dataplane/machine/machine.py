"""A virtual machine as a network namespace: its agent with Envoy, its application; made, started, ended, removed.

Nothing of the fleet is in it but the onboarding bundle, laid out as a person would do it on a real machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final

from meshfleet.dataplane.machine import start_script
from meshfleet.dataplane.machine.agent_log import complaint, refusal
from meshfleet.dataplane.machine.bundle_folder import Bundle
from meshfleet.dataplane.machine.machine_files import MachineFiles
from meshfleet.dataplane.machine.machine_programs import MachinePrograms
from meshfleet.dataplane.network import machine_network, namespaces
from meshfleet.dataplane.network.machine_network import MachineNetwork
from meshfleet.dataplane.network.node_network import nodes
from meshfleet.dataplane.network.place import Place
from meshfleet.dataplane.node.containers import HttpProbe
from meshfleet.dataplane.node.running_container import ask_over_http
from meshfleet.dataplane.node.sources import lay_out
from meshfleet.embedded.addresses import MACHINE_RANGE, release_address, reserve_address
from meshfleet.errors import FileError, NetworkError, ProcessError
from meshfleet.files import read_tail
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.workspace import fleet_processes as processes
from meshfleet.workspace.home import Workspace

AGENT: Final = "agent"
APPLICATION: Final = "application"
_READY: Final = HttpProbe("/healthz/ready", 15021, period=1.0, failures=1)
_READY_SECONDS: Final = 60.0
_LOG_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True)
class Listening:
    """What its application is: its ports by their protocol, and the cluster and version it says it is of."""

    ports: Mapping[str, Sequence[int]]
    cluster: str
    version: str


class Machine:
    """One machine of a fleet, whether it is there or not: one of `group` that is told apart by `address`.

    Without an address it is the one whose address is chosen here. What is started on it is of Istio's `release`, empty
    for the standard one of the toolchain.
    """

    def __init__(self, workspace: Workspace, group: str, address: str = "", release: str = "") -> None:
        self._workspace = workspace
        self._place = Place.of(workspace)
        self._wanted = address
        self.group = group
        # No name of a group has a dot in it, so that none is the beginning of another's.
        self.name = f"{group}.{ip_address(address).exploded.replace(':', '-').replace('.', '-')}" if address else group
        self.namespace = self._place.machine(self.name)
        self.files = MachineFiles(self._place.directory / "machines" / self.name)
        self._owner = workspace.owner("machine", self.name)
        self._outside_owner = workspace.owner("gateway of machines", self.name)
        self._programs = MachinePrograms(self._place, self.name, self.files, release)

    @property
    def address(self) -> str:
        """Its address on its network. Raises EmbeddedError when it is not there."""
        return self.files.address()

    @property
    def outside(self) -> str:
        """The address by which other networks reach it; empty for one that is no gateway, or is not there."""
        return next((one.outside for one in machine_network.machines(self._place) if one.name == self.name), "")

    @property
    def host_name(self) -> str:
        """What it calls itself, and istiod its proxy: no two machines of a group are called the same."""
        return self.name.replace(".", "-")

    @property
    def log(self) -> Path:
        """Where the agent and Envoy write."""
        return self._programs.log(AGENT)

    def exists(self) -> bool:
        """Whether it is there, however well it is."""
        return namespaces.exists(self.namespace)

    def running(self) -> tuple[str, ...]:
        """What runs on it, of AGENT and APPLICATION."""
        found = self._programs.running()
        return tuple(mark for mark in (AGENT, APPLICATION) if mark in found)

    def create(self, bundle: Bundle, network: str, *, alone_there: bool = False, outside: str = "") -> None:
        """Make its namespace on `network` and lay the bundle out in it, over an earlier one. Nothing is started.

        On a network that no cluster is on machines are `alone_there`, behind a router of their own. `outside` is the
        address by which other networks reach a machine that is a gateway. Raises EmbeddedError when no node of that
        network is here, or one of its addresses is taken.
        """
        address = self._wanted or bundle.address
        address = address or reserve_address(self._workspace.home, self._owner, range_=MACHINE_RANGE)
        near = [node for node in nodes(self._place) if node.network == network]
        if not near and not alone_there:
            raise NetworkError(
                f"{self.name}: no cluster of network {network} has pods that run here, so nothing leads there; "
                "its clusters need `embedded: {pods: processes}`"
            )
        self._require_free(network, address)
        # That of the cluster it joins, if that is on this network: it is there for as long as the machine has a use.
        joined = [node.address for node in near if node.cluster == bundle.cluster]
        router = next(iter([*joined, *(node.address for node in near)]), "")
        if not router:
            router = reserve_address(self._workspace.home, self._workspace.owner("router", network))
        if outside:
            reserve_address(self._workspace.home, self._outside_owner, outside)
        connected = MachineNetwork(self.name, network, address, outside)
        machine_network.connect(self._place, connected, router, alone_there=not near)
        lay_out(self._place, self._programs.release)
        self.files.lay_out(bundle, self.host_name, address)

    def start_agent(self, seconds: float = _READY_SECONDS) -> None:
        """Start the agent as Istio's script does, or leave the one that runs, and wait until Envoy is ready.

        Raises EmbeddedError, ProcessError with why istiod refuses it or what the agent last complained of.
        """
        started = None
        if AGENT not in self.running():
            bundle = self.files.bundle()
            for program in start_script.rules(bundle):
                self._programs.run(program, "the rules of the proxy cannot be written")
            agent = start_script.agent(bundle, self.host_name, self.address, self._programs.binaries)
            started = self._programs.start(AGENT, agent)

        def ready() -> None:
            if started.poll() is not None if started else AGENT not in self.running():
                raise ProcessError(f"{self.name}: the agent has exited; {processes.last_lines(self.log)}")
            if namespaces.inside(self.namespace, lambda: ask_over_http("127.0.0.1", _READY)):
                return
            said = self.said()
            if refused := refusal(said):
                raise ProcessError(f"{self.name}: {refused}")
            raise NotYetError(complaint(said) or "nothing, the agent does not complain")

        wait_until(ready, f"the proxy of machine {self.name}", seconds, f"check {self.log}", every=0.1)

    def stop_agent(self) -> None:
        """End the agent, and Envoy with it; fine when neither runs. Raises ProcessError."""
        self._programs.end(AGENT)

    def start_application(self, listening: Listening) -> None:
        """Start its application; one that runs is left. Raises EmbeddedError."""
        if APPLICATION not in self.running():
            application = start_script.application(listening.ports, listening.cluster, listening.version)
            self._programs.start(APPLICATION, application)

    def stop_application(self) -> None:
        """End its application; fine when none runs. Raises ProcessError."""
        self._programs.end(APPLICATION)

    def remove(self) -> None:
        """End all that runs on it and remove its namespace and its files; fine when there is none.

        Raises NetworkError, ProcessError, EmbeddedError.
        """
        machine_network.disconnect(self._place, self.name)
        release_address(self._workspace.home, self._owner)
        release_address(self._workspace.home, self._outside_owner)
        self.files.remove()

    def said(self) -> str:
        """What the agent and Envoy have written since they were started; empty when nothing."""
        try:
            return read_tail(self.log, limit=_LOG_BYTES) or ""
        except FileError:
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


def machines_here(workspace: Workspace, group: str = "") -> list[Machine]:
    """The machines of a fleet that are here, or those of one group."""
    found = []
    for one in machine_network.machines(Place.of(workspace)):
        name, dot, _ = one.name.partition(".")
        if group in ("", name):
            found.append(Machine(workspace, name, one.address if dot else ""))
    return found
