"""The sections of the plan, one line each: everything that a cluster gets is in one of them.

Within a stage the order here is that of `render`; the program registers each document once what it waits for is there.
"""

from __future__ import annotations

from meshfleet.manifests import (
    ambient,
    cert_manager,
    charts,
    external,
    gateway_api,
    gateways,
    ingress_gateways,
    mesh_settings,
    namespaces,
    propagations,
    reader,
    remote_secrets,
    revision_tags,
    trust,
    virtual_machines,
    workloads,
)
from meshfleet.manifests.section import Section, Stage

SECTIONS: tuple[Section, ...] = (
    namespaces.SYSTEM,
    namespaces.HOSTED,
    cert_manager.DEFINITIONS,
    cert_manager.SECTION,
    trust.SECTION,
    gateway_api.DEFINITIONS,
    reader.SECTION,
    charts.SECTION,
    revision_tags.SECTION,
    ambient.NODE_AGENTS,
    mesh_settings.SECTION,
    external.ACCOUNT,
    external.ISTIODS,
    gateways.EAST_WEST,
    gateways.RULES,
    remote_secrets.READER_TOKENS,
    remote_secrets.SECTION,
    namespaces.DECLARED,
    namespaces.WAYPOINTS,
    ingress_gateways.SECTION,
    workloads.SECTION,
    virtual_machines.SECTION,
    propagations.SECTION,
)


def in_order() -> list[Section]:
    """The sections in the order of their stages."""
    order = list(Stage)
    return sorted(SECTIONS, key=lambda section: order.index(section.stage))


def stages_of_components() -> dict[str, Stage]:
    """The stage of each component that has documents, or prepares those of a section, by its class name."""
    return {component: section.stage for section in SECTIONS for component in (section.component, *section.prepared_by)}
