"""From a stack's configuration to a registered fleet and its exports; `__main__.py` and the command both run it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from meshfleet.components.fleet import Fleet
from meshfleet.components.kubeconfig_file import KubeconfigFile, kubeconfig_files
from meshfleet.manifests.addition_faults import checked
from meshfleet.topology import Fleet as Topology
from meshfleet.topology import load
from meshfleet.topology.draft import SECTIONS, SINGLES


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


def keep_debug_messages() -> None:
    """Keep the SDK's debug messages from the engine: they repeat every output of the stack, secrets in the clear.

    The engine writes them into the events that the Automation API and `pulumi up --json` read, asked for or not.
    Source: register_resource_outputs in pulumi/pulumi, sdk/python/lib/pulumi/runtime/resource.py
    """

    def unsaid(*_: Any, **__: Any) -> None:
        return None

    pulumi.log.debug = unsaid


def run(stage: Topology | None = None) -> None:
    """The whole program: read, check, register. Raises `TopologyError` before anything is registered.

    With a `stage` that is registered in place of what the configuration says: a state on the way to it.
    """
    keep_debug_messages()
    topology = stage or checked(load(pulumi.get_stack(), stack_configuration()))
    register(topology, kubeconfig_files(topology))
