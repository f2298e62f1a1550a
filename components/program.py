"""From a stack's configuration to a registered fleet and its exports; `__main__.py` and the command both run it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from meshfleet.components.call_stack import without_call_stack
from meshfleet.components.fleet import Fleet
from meshfleet.components.karmada_chart import place_karmada_chart
from meshfleet.components.kubeconfig_file import KubeconfigFile, kubeconfig_files
from meshfleet.manifests.addition_faults import checked
from meshfleet.sources import load
from meshfleet.topology import Fleet as Topology
from meshfleet.topology.draft import SECTIONS, SINGLES
from meshfleet.workspace.failover_record import read_kept
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.standing_evictions import fails_over, in_force, placed, recorded_in


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
    with without_call_stack():
        fleet = Fleet(topology, kubeconfigs)
    pulumi.export("fleet", fleet.describe())
    pulumi.export("kubeconfigs", fleet.kubeconfigs())
    if topology.portal and (topology.reported is None or topology.reported.get("portal")):
        pulumi.export("portal", fleet.describe_portal())
    if fleet.karmada:
        pulumi.export("karmada", fleet.describe_karmada())


def keep_debug_messages() -> None:
    """Keep the SDK's debug messages from the engine: they repeat every output of the stack, secrets in the clear.

    The engine writes them into the events that the Automation API and `pulumi up --json` read, asked for or not.
    Source: register_resource_outputs in pulumi/pulumi, sdk/python/lib/pulumi/runtime/resource.py
    """

    def unsaid(*_: Any, **__: Any) -> None:
        return None

    pulumi.log.debug = unsaid


def declared(stack: str) -> Topology:
    """What the configuration says, with shares that are elsewhere for now, as the state of the stack has them.

    Raises `TopologyError`, FileError, and VerificationError for a status that cannot be read.
    """
    topology = checked(load(stack, stack_configuration()))
    if not fails_over(topology):
        return topology
    kept = read_kept(Workspace.of(stack))
    return placed(topology, in_force(topology, kept, recorded_in(own_description()), {}))


def own_description() -> dict[str, Any] | None:
    """The output `fleet` that the last run of this very stack wrote; None before the first.

    It is read as a stack reference reads it, but at once, since it decides what is registered, and without a resource
    of its own. Plain `pulumi up` has nothing else that could tell it where shares are. An error of the engine ends the
    run before anything is registered.
    Source: readStackReference in pulumi/pulumi, pkg/resource/deploy/builtins.go
    """
    name = "/".join((pulumi.get_organization() or "organization", pulumi.get_project(), pulumi.get_stack()))
    outputs = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": name}).value["outputs"]
    found = outputs.get("fleet")
    return found if isinstance(found, dict) else None


def run(stage: Topology | None = None) -> None:
    """The whole program: read, check, register. Raises `TopologyError` before anything is registered.

    With a `stage` that is registered in place of what the configuration says: a state on the way to it.
    """
    keep_debug_messages()
    topology = stage or declared(pulumi.get_stack())
    kubeconfigs = kubeconfig_files(topology)
    place_karmada_chart(topology)
    register(topology, kubeconfigs)
