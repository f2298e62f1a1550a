"""Every rule that crosses fields; each takes a draft and yields the faults it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from meshfleet.errors.faults import Fault
from meshfleet.topology.draft import Draft
from meshfleet.topology.rules.additions import additions
from meshfleet.topology.rules.advertised_addresses import advertised_addresses
from meshfleet.topology.rules.cert_managers import cert_managers
from meshfleet.topology.rules.control_planes import control_planes
from meshfleet.topology.rules.data_planes import data_planes
from meshfleet.topology.rules.dependency_rules import dependency_rules
from meshfleet.topology.rules.discovery import discovery
from meshfleet.topology.rules.dns_endpoints import dns_endpoints
from meshfleet.topology.rules.exported_workloads import exported_workloads
from meshfleet.topology.rules.gateway_addresses import gateway_addresses
from meshfleet.topology.rules.identities import identities
from meshfleet.topology.rules.ingress_gateways import ingress_gateways
from meshfleet.topology.rules.issuers import issuers
from meshfleet.topology.rules.karmada_charts import karmada_charts
from meshfleet.topology.rules.mesh_settings import mesh_settings
from meshfleet.topology.rules.multi_cluster_services import multi_cluster_services
from meshfleet.topology.rules.names import names
from meshfleet.topology.rules.namespaces import namespaces
from meshfleet.topology.rules.network_gateways import network_gateways
from meshfleet.topology.rules.networks import networks
from meshfleet.topology.rules.node_ports import node_ports
from meshfleet.topology.rules.portal import portal
from meshfleet.topology.rules.propagated_objects import propagated_objects
from meshfleet.topology.rules.propagations import propagations
from meshfleet.topology.rules.providers import of_providers, support
from meshfleet.topology.rules.ranges import ranges
from meshfleet.topology.rules.readers import readers
from meshfleet.topology.rules.references import references
from meshfleet.topology.rules.revisions import revisions
from meshfleet.topology.rules.roots import roots
from meshfleet.topology.rules.signers import signers
from meshfleet.topology.rules.versions import versions
from meshfleet.topology.rules.virtual_machine_services import virtual_machine_services
from meshfleet.topology.rules.virtual_machines import virtual_machines
from meshfleet.topology.rules.workload_routes import workload_routes
from meshfleet.topology.rules.workloads import workloads

Rule = Callable[[Draft], Iterable[Fault]]

RULES: tuple[Rule, ...] = (
    names,
    references,
    control_planes,
    data_planes,
    discovery,
    readers,
    mesh_settings,
    namespaces,
    networks,
    ranges,
    network_gateways,
    gateway_addresses,
    node_ports,
    advertised_addresses,
    of_providers,
    ingress_gateways,
    virtual_machines,
    virtual_machine_services,
    revisions,
    roots,
    issuers,
    cert_managers,
    signers,
    workloads,
    workload_routes,
    exported_workloads,
    propagations,
    propagated_objects,
    dependency_rules,
    karmada_charts,
    portal,
    multi_cluster_services,
    dns_endpoints,
    identities,
    versions,
    additions,
    support,
)
