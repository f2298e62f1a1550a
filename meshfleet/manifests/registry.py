"""The sections of the plan, one line each: everything that a cluster gets is in one of them.

Within a stage the order here is that of `render`; the program registers each document once what it waits for is there.
"""

from __future__ import annotations

from meshfleet.manifests import (
    ambient,
    cert_manager,
    charts,
    dns_endpoints,
    external,
    gateway_api,
    gateways,
    identities,
    ingress_gateways,
    istio_csr,
    karmada_control_plane,
    karmada_members,
    karmada_propagations,
    mesh_settings,
    multi_cluster_services,
    namespaces,
    portal,
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
    istio_csr.SECTION,
    gateway_api.DEFINITIONS,
    multi_cluster_services.DEFINITIONS,
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
    multi_cluster_services.SECTION,
    dns_endpoints.SECTION,
    identities.SECTION,
    # Its account may impersonate the accounts of identities, in their namespace.
    portal.SECTION,
    karmada_control_plane.SECTION,
    karmada_members.ACCOUNTS,
    karmada_members.CLUSTERS,
    karmada_members.PEOPLE,
    karmada_propagations.DEFINITIONS,
    karmada_propagations.SECTION,
)


def in_order() -> list[Section]:
    """The sections in the order of their stages."""
    order = list(Stage)
    return sorted(SECTIONS, key=lambda section: order.index(section.stage))


def stages_of_components() -> dict[str, Stage]:
    """The stage of each component that has documents, or belongs to a section without any, by its class name."""
    return {
        component: section.stage for section in SECTIONS for component in (section.component, *section.other_components)
    }
