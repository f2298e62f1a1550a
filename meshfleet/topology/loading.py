"""From a stack's configuration to a fleet that keeps every rule."""

from __future__ import annotations

from collections.abc import Mapping

from meshfleet.errors.faults import Fault, TopologyError
from meshfleet.redaction.shown import shown
from meshfleet.topology import draft as drafts
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.rules import RULES
from meshfleet.topology.rules.plain_secrets import plain_secrets
from meshfleet.topology.stack_name import name_fault


def load(name: str, config: Mapping[str, object]) -> Fleet:
    """The fleet that `config` describes, for the stack `name`.

    `config` maps the section names (`clusters`, `networks`, ...) without Pulumi's project prefix to plain
    values, as read from YAML or from JSON. Raises `TopologyError` with every fault, not only the first.
    """
    if not isinstance(config, Mapping):
        raise TopologyError([Fault("config", f"must be a map of sections to settings, got {shown(config)}")])
    draft = drafts.read(name, config)
    # Plain `pulumi` passes whatever name it accepted.
    wrong_name = [Fault("stack", fault)] if (fault := name_fault(name)) else []
    faults = [*wrong_name, *draft.faults, *plain_secrets(config)]
    for rule in RULES:
        faults.extend(rule(draft))
    if faults:
        raise TopologyError(faults)
    return Fleet.model_construct(
        name=name,
        host=draft.host,
        clusters=draft.clusters,
        networks=draft.networks,
        meshes=draft.meshes,
        namespaces=draft.namespaces,
        workloads=draft.workloads,
        virtual_machines=draft.virtual_machines,
        propagations=draft.propagations,
        istio=draft.istio,
        kubernetes=draft.kubernetes,
        additions=draft.additions,
        sections=draft.sections,
    )
