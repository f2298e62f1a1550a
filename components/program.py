"""From a stack's configuration to a registered fleet and its exports; `__main__.py` and the command both run it."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from components.fleet import Fleet
from components.kubeconfig_file import KubeconfigFile, read_kubeconfig
from topology import Fault, TopologyError, load
from topology import Fleet as Topology
from topology.draft import SECTIONS, SINGLES


def stack_configuration() -> dict[str, object]:
    """The sections of the running stack's configuration, as plain values. Structured values arrive as JSON."""
    config = pulumi.Config()
    found: dict[str, object] = {}
    for section in (*SECTIONS, *SINGLES):
        value = config.get(section) if section == "host" else config.get_object(section)
        if value is not None:
            found[section] = value
    return found


def kubeconfig_files(topology: Topology) -> dict[str, KubeconfigFile]:
    """The kubeconfig of every existing cluster. Raises `TopologyError` with the faults of all of them at once."""
    files: dict[str, KubeconfigFile] = {}
    faults: list[Fault] = []
    for name, cluster in topology.clusters.items():
        if cluster.existing:
            try:
                files[name] = read_kubeconfig(name, cluster.existing)
            except TopologyError as error:
                faults += error.faults
    faults += _unreachable_for_peers(topology, files)
    if faults:
        raise TopologyError(faults)
    return files


def _unreachable_for_peers(topology: Topology, files: Mapping[str, KubeconfigFile]) -> list[Fault]:
    """Loopback addresses are of use to peers only while every istiod of the mesh runs on this machine (#31081)."""
    return [
        Fault(
            f"clusters.{name}.existing.kubeconfig",
            f"its server {file.server} is an address of this machine, which the istiod of {', '.join(far)} "
            "cannot reach; give a kubeconfig with an address that the other clusters reach",
        )
        for name, file in files.items()
        if file.on_this_machine
        and (far := [peer for peer in topology.peers_of(name) if not topology.clusters[peer].simulated])
    ]


def register(topology: Topology, kubeconfigs: Mapping[str, KubeconfigFile]) -> None:
    """Register the fleet and export what `status`, `verify` and other stacks read."""
    fleet = Fleet(topology, kubeconfigs)
    pulumi.export("fleet", fleet.describe())
    pulumi.export("kubeconfigs", fleet.kubeconfigs())


def run() -> None:
    """The whole program: read, check, register. Raises `TopologyError` before anything is registered."""
    topology = load(pulumi.get_stack(), stack_configuration())
    register(topology, kubeconfig_files(topology))
