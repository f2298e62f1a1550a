"""Every rule that crosses fields; each takes a draft and yields the faults it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from topology.draft import Draft
from topology.faults import Fault
from topology.rules.control_planes import control_planes
from topology.rules.data_planes import data_planes
from topology.rules.discovery import discovery
from topology.rules.embedded_addresses import embedded_addresses
from topology.rules.existing_clusters import existing_clusters
from topology.rules.gateway_addresses import gateway_addresses
from topology.rules.ingress_gateways import ingress_gateways
from topology.rules.mesh_settings import mesh_settings
from topology.rules.names import names
from topology.rules.namespaces import namespaces
from topology.rules.network_gateways import network_gateways
from topology.rules.networks import networks
from topology.rules.ranges import ranges
from topology.rules.references import references
from topology.rules.revisions import revisions
from topology.rules.roots import roots
from topology.rules.support import support
from topology.rules.versions import versions
from topology.rules.virtual_machine_services import virtual_machine_services
from topology.rules.virtual_machines import virtual_machines
from topology.rules.workload_routes import workload_routes
from topology.rules.workloads import workloads

Rule = Callable[[Draft], Iterable[Fault]]

RULES: tuple[Rule, ...] = (
    names,
    references,
    control_planes,
    data_planes,
    existing_clusters,
    discovery,
    mesh_settings,
    namespaces,
    networks,
    ranges,
    network_gateways,
    gateway_addresses,
    embedded_addresses,
    ingress_gateways,
    virtual_machines,
    virtual_machine_services,
    revisions,
    roots,
    workloads,
    workload_routes,
    versions,
    support,
)
