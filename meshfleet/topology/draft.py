"""A stack file on its way to becoming a fleet: the parts that could be read, and all names that were used.

Rules run over a draft, so that one unreadable cluster does not hide what is wrong with the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_snake

from meshfleet.errors.faults import Fault, from_validation, unknown_key
from meshfleet.redaction.shown import shown
from meshfleet.topology.additions import Additions
from meshfleet.topology.cluster import Cluster
from meshfleet.topology.dns_endpoint import DnsEndpoint
from meshfleet.topology.federation import Federation
from meshfleet.topology.istio import Istio, Kubernetes
from meshfleet.topology.mesh import Mesh
from meshfleet.topology.multi_cluster_service import MultiClusterService
from meshfleet.topology.name_order import in_order_of_names
from meshfleet.topology.namespace import Namespace
from meshfleet.topology.network import Network
from meshfleet.topology.portal import Portal
from meshfleet.topology.propagation.propagation import Propagation
from meshfleet.topology.rbac.identities import Identities
from meshfleet.topology.system_names import external_namespace
from meshfleet.topology.virtual_machine import VirtualMachine
from meshfleet.topology.workload import Workload

# The sections of a stack file that map names to parts, with the model of a part. One without a field in `Draft` and
# `Fleet` is found in their `sections`.
SECTIONS: dict[str, type[BaseModel]] = {
    "clusters": Cluster,
    "networks": Network,
    "meshes": Mesh,
    "namespaces": Namespace,
    "workloads": Workload,
    "virtualMachines": VirtualMachine,
    "multiClusterServices": MultiClusterService,
    "dnsEndpoints": DnsEndpoint,
    "propagations": Propagation,
}
PARTS: dict[str, type[BaseModel]] = {
    "federation": Federation,
    "portal": Portal,
    "identities": Identities,
    "istio": Istio,
    "kubernetes": Kubernetes,
    "additions": Additions,
}
# Parts that are not there when left out.
OPTIONAL = ("portal",)
SINGLES = (*PARTS, "host")
DEFAULT_MESH = "mesh"


@dataclass
class Draft:
    """What could be read; `names` has every name a section used, readable or not."""

    name: str
    host: str = ""
    clusters: dict[str, Cluster] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)
    meshes: dict[str, Mesh] = field(default_factory=dict)
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    workloads: dict[str, Workload] = field(default_factory=dict)
    virtual_machines: dict[str, VirtualMachine] = field(default_factory=dict)
    multi_cluster_services: dict[str, MultiClusterService] = field(default_factory=dict)
    dns_endpoints: dict[str, DnsEndpoint] = field(default_factory=dict)
    propagations: dict[str, Propagation] = field(default_factory=dict)
    federation: Federation = field(default_factory=Federation)
    portal: Portal | None = None
    identities: Identities = field(default_factory=Identities)
    istio: Istio = field(default_factory=Istio)
    kubernetes: Kubernetes = field(default_factory=Kubernetes)
    additions: Additions = field(default_factory=Additions)
    sections: dict[str, dict[str, BaseModel]] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def mesh_of(self, cluster: Cluster) -> str:
        """The mesh of a cluster; empty when it names none and there is more than one."""
        if cluster.mesh:
            return cluster.mesh
        return self.names["meshes"][0] if len(self.names["meshes"]) == 1 else ""

    def machine_network(self, declared: VirtualMachine) -> str:
        """The network of virtual machines; empty while it is that of a cluster that cannot be read."""
        cluster = self.clusters.get(declared.cluster)
        return declared.network or (cluster.network if cluster else "")

    def machine_mesh(self, declared: VirtualMachine) -> str | None:
        """The mesh that virtual machines are of; None while that cannot be said."""
        cluster = self.clusters.get(declared.cluster)
        return self.mesh_of(cluster) if cluster else None

    def networks_of(self, mesh: str) -> tuple[str, ...]:
        """The networks of a mesh as far as that is said: those of its clusters, then those of machines alone."""
        clusters = [one.network for one in self.clusters.values() if self.mesh_of(one) == mesh]
        machines = [one for one in self.virtual_machines.values() if self.machine_mesh(one) == mesh]
        return tuple(dict.fromkeys([*clusters, *(self.machine_network(one) for one in machines)]))

    def all_readable(self) -> bool:
        """Whether every cluster and every group of machines could be read, so that what is on a network is known."""
        return all(
            len(parts) == len(self.names[section])
            for section, parts in (("clusters", self.clusters), ("virtualMachines", self.virtual_machines))
        )

    def system_namespaces(self) -> tuple[str, ...]:
        """The namespaces of control planes, in which gateways are as a rule."""
        hosted = [name for name, cluster in self.clusters.items() if cluster.control_plane.kind == "external"]
        return ("istio-system", *map(external_namespace, hosted))

    def primary_of(self, cluster: str) -> str:
        """The cluster whose control plane serves this one, as far as that is said."""
        declared = self.clusters.get(cluster)
        return declared.control_plane.of if declared and declared.control_plane.kind == "remote" else cluster


def read(name: str, config: Mapping[str, object]) -> Draft:
    """Read each part of a stack's configuration by itself, collecting the faults of the unreadable ones."""
    draft = Draft(name)
    config = in_order_of_names(config)
    known = (*SECTIONS, *SINGLES)
    draft.faults += [Fault(str(key), unknown_key(str(key), known)) for key in config if key not in known]
    for section, model in SECTIONS.items():
        parts = _section(draft, section, model, config.get(section))
        if to_snake(section) in Draft.__dataclass_fields__:
            getattr(draft, to_snake(section)).update(parts)
        else:
            draft.sections[section] = parts
    if not draft.names["meshes"]:
        draft.meshes[DEFAULT_MESH] = Mesh()
        draft.names["meshes"] = (DEFAULT_MESH,)
    for single, model in PARTS.items():
        # Pulumi.yaml gives an empty default, since Pulumi has no optional setting without one.
        if single in OPTIONAL and config.get(single) in (None, {}):
            continue
        if single in config and (part := _part(draft, single, model, config[single])) is not None:
            setattr(draft, single, part)
    draft.host = _host(draft, config.get("host"))
    return draft


def _section(draft: Draft, section: str, model: type[BaseModel], raw: object) -> dict[str, BaseModel]:
    if raw is None:
        draft.names[section] = ()
        return {}
    if not isinstance(raw, Mapping):
        draft.names[section] = ()
        draft.faults.append(Fault(section, f"must be a map of names to settings, got {shown(raw)}"))
        return {}
    draft.names[section] = tuple(str(name) for name in raw)
    parts = {str(name): _part(draft, f"{section}.{name}", model, value) for name, value in raw.items()}
    return {name: part for name, part in parts.items() if part is not None}


def _part(draft: Draft, path: str, model: type[BaseModel], raw: object) -> BaseModel | None:
    try:
        # `west:` with nothing behind it is how YAML writes an empty mapping.
        return model.model_validate({} if raw is None else raw)
    except ValidationError as error:
        draft.faults += from_validation(path, error, model)
        return None


def _host(draft: Draft, raw: object) -> str:
    clusters = draft.names["clusters"]
    # Pulumi.yaml gives an empty default, since Pulumi has no optional setting without one.
    raw = None if raw == "" else raw
    if raw is None and len(clusters) == 1:
        return clusters[0]
    if raw is None and clusters:
        draft.faults.append(Fault("host", f"missing; name the host cluster, one of {', '.join(clusters)}"))
    elif raw is not None and not isinstance(raw, str):
        draft.faults.append(Fault("host", f"must be the name of a cluster, got {shown(raw)}"))
    elif isinstance(raw, str) and raw not in clusters:
        known = ", ".join(clusters) or "none"
        draft.faults.append(Fault("host", f"no cluster is named {shown(raw)}; known are {known}"))
    return raw if isinstance(raw, str) else ""
