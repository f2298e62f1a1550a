"""Virtual machines that run on this machine: started from a bundle until the mesh has them, and ended."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address
from pathlib import Path

from meshfleet.dataplane.machine.bundle_folder import Bundle, bundle_of, read_bundle
from meshfleet.dataplane.machine.istiod_reached import require_istiod
from meshfleet.dataplane.machine.machine import Listening, Machine, machines_here
from meshfleet.dataplane.node.node_agent import missing_prerequisite
from meshfleet.errors import ClusterError, EmbeddedError, MeshfleetError, NetworkError, UnsupportedError
from meshfleet.errors.containment import each
from meshfleet.manifests import virtual_machines
from meshfleet.manifests.gateways import NETWORK_PORT
from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.redaction.shown import shown
from meshfleet.status import Status
from meshfleet.topology import Fault, Fleet, TopologyError
from meshfleet.topology.addresses import is_ip
from meshfleet.versions import further_istio
from meshfleet.virtual_machines import bundles as machine_bundle
from meshfleet.virtual_machines.bundles import Wanted
from meshfleet.virtual_machines.registered_machines import registered_machines
from meshfleet.workspace.home import Workspace

REGISTERED_SECONDS = 60.0


@dataclass(frozen=True)
class Started:
    """A machine of the mesh: what it is called here, its address, where it runs, and how long it took, in seconds."""

    machine: Machine
    address: str
    entry: str
    seconds: float


def start(
    fleet: Fleet, workspace: Workspace, status: Status, name: str, address: str = "", folder: str = ""
) -> Started:
    """Start a machine of the group `name` and wait until its mesh has it, healthy where its health is told.

    The bundle is that in `folder`, or a new one. An existing machine with that address is set up again
    with it; one that does not get well is left as it is, to be looked at. Raises TopologyError for a name or an address
    that is not known, UnsupportedError where machines cannot run, EmbeddedError, ClusterError or CertificateError with
    what went wrong.
    """
    begun = time.monotonic()
    bundle, address = prepared(fleet, status, name, address, folder)
    machine = Machine(workspace, name, address, release_of_machines(fleet))
    network, outside = fleet.machine_network(name), outside_address(fleet, workspace, machine)
    machine.remove()
    machine.create(bundle, network, alone_there=fleet.has_machines_alone(network), outside=outside)
    try:
        require_istiod(machine.namespace, bundle)
    except MeshfleetError:
        # Nothing of it runs, so nothing of it is worth a look.
        machine.remove()
        raise
    if not fleet.virtual_machines[name].gateway:
        machine.start_application(listening(fleet, name))
    machine.start_agent()
    entry = await_registered(status, name, machine.address)
    return Started(machine, machine.address, entry, time.monotonic() - begun)


def prepared(fleet: Fleet, status: Status, name: str, address: str = "", folder: str = "") -> tuple[Bundle, str]:
    """The bundle to start with, found to be one of these machines, and the machine's address, empty for any.

    Raises as `start` does.
    """
    bundle = None
    if folder and name in fleet.virtual_machines:
        bundle = read_bundle(Path(folder))
        if faults := mismatches(fleet, name, bundle, address):
            raise EmbeddedError(
                f"the bundle in {folder} is not one of {name}: {'; '.join(faults)}; "
                f"make one with meshfleet vm bundle {name}"
            )
        if (ended := bundle.token_ends()) <= datetime.now(UTC):
            raise EmbeddedError(
                f"the token of the bundle in {folder} was valid until {ended:%Y-%m-%dT%H:%M:%SZ}, and the first start "
                f"of a machine takes one that is; make another bundle with meshfleet vm bundle {name}"
            )
    wanted = Wanted(name, address or (bundle.address if bundle else ""))
    address = machine_bundle.checked(fleet, wanted)
    if address and not isinstance(ip_address(address), IPv4Address):
        raise TopologyError([Fault("--address", f"{shown(address)} is no IPv4 address, and machines here have those")])
    require_room(fleet, name)
    return bundle or bundle_of(machine_bundle.make(fleet, wanted, address, status).files), address


def release_of_machines(fleet: Fleet) -> str:
    """The release of Istio that machines run, empty for the standard one: that of the control plane they join."""
    return further_istio(fleet.istio.version_of(fleet.istio.revision))


def require_room(fleet: Fleet, name: str) -> None:
    """Raise UnsupportedError where nothing of this machine leads to the network of machines of this name."""
    if reason := missing_prerequisite():
        raise UnsupportedError(f"{name}: machines cannot run here, {reason}; a real machine needs nothing of this one")
    network, joined = fleet.machine_network(name), fleet.virtual_machines[name].cluster
    if fleet.has_machines_alone(network):
        # Behind a router of its own, it reaches the gateway that leads to its istiod, if that is here.
        near, which = [fleet.clusters[fleet.hosting(joined)]], f"{fleet.hosting(joined)!r}, which runs its istiod, has"
    else:
        near = [fleet.clusters[cluster] for cluster in fleet.members_on(network)]
        which = f"no cluster on the network {network!r} has"
    if not any(cluster.capabilities.pods == "processes" for cluster in near):
        none = " no" if fleet.has_machines_alone(network) else ""
        raise UnsupportedError(
            f"{name}: {which}{none} pods that run here, so a machine here would reach nothing; "
            "give one `embedded: {pods: processes}`, or take a bundle to a real machine"
        )


def outside_address(fleet: Fleet, workspace: Workspace, machine: Machine) -> str:
    """The declared address at which a gateway of machines is reached when it runs here; empty for other machines.

    Raises UnsupportedError where its network declares none that a machine here can have, or others have them all.
    """
    name = machine.group
    if not fleet.virtual_machines[name].gateway:
        return ""
    network = fleet.machine_network(name)
    declared = fleet.networks[network].gateways
    here = [one.address for one in declared if _is_ipv4(one.address) and one.port == NETWORK_PORT]
    taken = {one.outside for one in machines_here(workspace) if one.name != machine.name}
    free = [address for address in here if address not in taken]
    if not free:
        raise UnsupportedError(
            f"{name}: a gateway here has an IPv4 address of networks.{network}.gateways that no other one has, with "
            f"the port {NETWORK_PORT}; declared are {', '.join(f'{one.address}:{one.port}' for one in declared)}"
        )
    return free[0]


def _is_ipv4(address: str) -> bool:
    return is_ip(address) and isinstance(ip_address(address), IPv4Address)


def mismatches(fleet: Fleet, name: str, bundle: Bundle, address: str = "") -> list[str]:
    """Why a bundle is not one of these machines, in words; empty when it is. Pure."""
    declared = fleet.virtual_machines[name]
    network = virtual_machines.group(fleet, name)["spec"]["template"].get("network", "")
    pairs = (
        ("is for the cluster", bundle.cluster, fleet.primary_of(declared.cluster)),
        ("is for the workload", bundle.workload, name),
        ("is for the namespace", bundle.namespace, declared.namespace),
        ("has the identity", bundle.account, virtual_machines.account(fleet, name)),
        ("is for the network", bundle.network, network),
    )
    faults = [
        f"it {what} {found or 'none'}, not {wanted or 'none'}" for what, found, wanted in pairs if found != wanted
    ]
    if declared.addresses and bundle.address not in declared.addresses:
        faults.append(f"it is for the address {bundle.address or 'none'}, which is none of {name}")
    elif address and bundle.address and bundle.address != address:
        faults.append(f"it is for the address {bundle.address}, not {address}")
    return faults


def listening(fleet: Fleet, name: str) -> Listening:
    """The application of machines: what it listens at, and the cluster and version that its answers name."""
    declared = fleet.virtual_machines[name]
    ports: dict[str, list[int]] = {}
    for port in declared.ports.values():
        ports.setdefault(port.protocol, []).append(port.port)
    version = virtual_machines.labels(fleet, name).get("version", name)
    return Listening(ports, declared.cluster, version)


def await_registered(status: Status, name: str, address: str, seconds: float = REGISTERED_SECONDS) -> str:
    """Wait until the mesh has a machine and would send it requests. The name of its WorkloadEntry.

    Raises ClusterError with what was last seen.
    """
    (machines,) = (one for one in status.virtual_machines if one.name == name)
    alone = status.model_copy(update={"virtual_machines": (machines,)})

    def registered() -> str:
        (found,) = registered_machines(alone)
        for one in found["registered"]:
            if one["address"] != address:
                continue
            # What its health was when it was last connected says nothing; of a fixed address without a probe nobody
            # ever says that it is connected.
            if not one["connected"] and (machines.group or one["healthy"] is not None):
                raise NotYetError(f"WorkloadEntry {one['name']} is not connected")
            if one["healthy"] is False:
                raise NotYetError(f"WorkloadEntry {one['name']} is not healthy")
            return str(one["name"])
        raise NotYetError("no WorkloadEntry has its address")

    return wait_until(
        registered,
        f"the machine {name} at {address} to be known in {machines.control_plane}",
        seconds,
        f"see what listens at the port of its probe, and run meshfleet vm start {name} again",
        every=0.2,
        failure=ClusterError,
    )


def stop(fleet: Fleet, workspace: Workspace, name: str, address: str = "") -> list[str]:
    """End the machines of a group that run here, or the one with an address. The names of those there were.

    The stack file may know the name no more. Raises TopologyError for one that was never there, UnsupportedError
    without root, NetworkError, ProcessError.
    """
    found = [one for one in machines_here(workspace, name) if address in ("", one.address)]
    if not found and name not in fleet.virtual_machines:
        raise TopologyError([Fault("NAME", f"no virtual machines are named {shown(name)}")])
    if found and (reason := missing_prerequisite()):
        raise UnsupportedError(f"{name}: machines that run here cannot be ended, {reason}")
    failures = each(found, lambda machine: machine.remove())
    if failures:
        listed = "; ".join(f"{failure.item.name}: {failure.reason}" for failure in failures)
        raise NetworkError(f"{len(failures)} of {len(found)} machines are left: {listed}")
    return [machine.name for machine in found]
