"""From a stack's configuration to a registered fleet and its exports; `__main__.py` and the command both run it."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from components.fleet import Fleet
from components.kubeconfig_file import KubeconfigFile, kubeconfig_files
from topology import Fleet as Topology
from topology import load
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


def register(topology: Topology, kubeconfigs: Mapping[str, KubeconfigFile]) -> None:
    """Register the fleet and export what `status`, `verify` and other stacks read."""
    fleet = Fleet(topology, kubeconfigs)
    pulumi.export("fleet", fleet.describe())
    pulumi.export("kubeconfigs", fleet.kubeconfigs())


def run() -> None:
    """The whole program: read, check, register. Raises `TopologyError` before anything is registered."""
    topology = load(pulumi.get_stack(), stack_configuration())
    register(topology, kubeconfig_files(topology))
