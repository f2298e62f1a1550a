"""From a stack's configuration to a fleet that keeps every rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from meshfleet.errors.faults import Fault, TopologyError, from_validation
from meshfleet.redaction.shown import shown
from meshfleet.topology import draft as drafts
from meshfleet.topology.draft import Draft
from meshfleet.topology.fleet import Fleet
from meshfleet.topology.propagation.contents import Contents, entry_path
from meshfleet.topology.propagation.propagation import PropagatedResource
from meshfleet.topology.rules import RULES
from meshfleet.topology.rules.plain_secrets import plain_secrets, plain_secrets_of_object
from meshfleet.topology.stack_name import name_fault


def load(name: str, config: Mapping[str, object], contents: Contents | None = None) -> Fleet:
    """The fleet that `config` describes, for the stack `name`.

    `config` maps the section names (`clusters`, `networks`, ...) without Pulumi's project prefix to plain
    values, as read from YAML or from JSON. `contents` is what files, kustomizations and charts hold that it names
    (`meshfleet.sources`). Raises `TopologyError` with every fault, not only the first.
    """
    if not isinstance(config, Mapping):
        raise TopologyError([Fault("config", f"must be a map of sections to settings, got {shown(config)}")])
    draft = drafts.read(name, config)
    _expand(draft, {} if contents is None else contents)
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
        multi_cluster_services=draft.multi_cluster_services,
        dns_endpoints=draft.dns_endpoints,
        propagations=draft.propagations,
        federation=draft.federation,
        portal=draft.portal,
        identities=draft.identities,
        istio=draft.istio,
        kubernetes=draft.kubernetes,
        additions=draft.additions,
        sections=draft.sections,
    )


def _expand(draft: Draft, contents: Contents) -> None:
    """Put the objects that sources stand for in their places."""
    for name, propagation in draft.propagations.items():
        if all(resource.object is not None for resource in propagation.resources):
            continue
        found: list[PropagatedResource] = []
        notes: list[str] = []
        for position, resource in enumerate(propagation.resources):
            path = entry_path(name, position, resource.source)
            if resource.object is not None:
                found.append(resource.at(path))
            elif (content := contents.get((name, position))) is None:
                draft.faults.append(Fault(path, "is not read here; load the stack file with meshfleet.load"))
            else:
                draft.faults += content.faults
                notes += content.notes
                for one in content.objects:
                    found += _objects(draft, f"{path}({one.place})", one.body)
        draft.propagations[name] = propagation.with_objects(tuple(found), tuple(notes))


def _objects(draft: Draft, place: str, body: dict[str, Any]) -> Iterator[PropagatedResource]:
    """The object, unless it is none. Faults of it are those that an object of the stack file has."""
    try:
        made = PropagatedResource.found_at(place, body)
    except ValidationError as error:
        faults = from_validation("", error, PropagatedResource)
        draft.faults += (Fault(place + fault.path.removeprefix("object"), fault.message) for fault in faults)
        return
    # Of the configuration a rule says so.
    draft.faults += (Fault(f"{place}.{fault.path}", fault.message) for fault in plain_secrets_of_object(body))
    yield made
