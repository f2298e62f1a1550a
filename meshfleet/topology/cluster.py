"""A cluster of the fleet: who provides it, its network, its control plane and its data plane."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from meshfleet.topology.additions import Additions, ClusterIstio
from meshfleet.topology.addresses import AddressRange
from meshfleet.topology.control_plane import ControlPlane
from meshfleet.topology.discovery import Discovery
from meshfleet.topology.gateways import EastWestGateway, IngressGateway
from meshfleet.topology.json_schema import exactly_one
from meshfleet.topology.labels import LabelValue
from meshfleet.topology.model import Model
from meshfleet.topology.names import Label
from meshfleet.topology.text import Line, checked_line, checked_path

PROVIDERS = ("embedded", "existing", "kind", "eks", "gke", "aks")


class Embedded(Model):
    """A real control plane that runs as processes on this machine; its nodes are simulated by KWOK.

    `pods: processes` runs pods with supported images (proxies, gateways, Istio's echo server) as processes in network
    namespaces of their own. That requires root: without it they are simulated like all others.
    """

    nodes: Annotated[int, Field(ge=1, le=100)] = 1
    """The number of simulated nodes."""
    pods: Literal["simulated", "processes"] = "simulated"
    """Whether pods with supported images run as processes, or all pods are simulated."""

    @model_validator(mode="after")
    def _one_node_runs_them(self) -> Embedded:
        if self.pods == "processes" and self.nodes != 1:
            raise ValueError(f"has {self.nodes} nodes; one node runs all pods that are processes, leave nodes out")
        return self


class Existing(Model):
    """An existing cluster, reached through an explicit kubeconfig and context.

    With `pods: simulated` no pod really runs on its nodes (KWOK, or a control plane without nodes): istiod runs as a
    process on this machine and the gateway's address is assigned by the fleet, as for an embedded cluster.
    """

    kubeconfig: Annotated[str, Field(min_length=1), AfterValidator(checked_path)]
    """The path of the kubeconfig; KUBECONFIG and ~/.kube/config are never read."""
    context: Annotated[str, Field(min_length=1), AfterValidator(checked_line)]
    """The context in it; the current context is never used."""
    pods: Literal["real", "simulated"] = "real"
    """Whether its pods really run; `simulated` for nodes of KWOK, or a cluster without nodes."""


class Kind(Model):
    """A kind cluster on this machine. Declared for the future; refused today."""

    nodes: Annotated[int, Field(ge=1, le=100)] = 1
    """How many nodes the cluster has."""


class Eks(Model):
    """An Amazon EKS cluster. Declared for the future; refused today."""

    account_profile: Line = ""
    """The profile of the AWS account."""


class Gke(Model):
    """A Google Kubernetes Engine cluster. Declared for the future; refused today."""

    project: Line = ""
    """The Google Cloud project."""


class Aks(Model):
    """An Azure Kubernetes Service cluster. Declared for the future; refused today."""

    resource_group: Line = ""
    """The Azure resource group."""


class Cluster(Model):
    """A cluster. Its provider is exactly one of `embedded`, `existing`, `kind`, `eks`, `gke`, `aks`."""

    model_config = ConfigDict(json_schema_extra=exactly_one(*PROVIDERS))

    network: str
    """The network of its pods, by its name in `networks`."""
    mesh: str = ""
    """The mesh it belongs to, by its name in `meshes`; may be left out when there is only one."""
    control_plane: ControlPlane = Field(default_factory=ControlPlane)
    """Where its Istio control plane runs: `own`, `{remote: PRIMARY}` or `{external: CLUSTER}`."""
    data_plane: Literal["sidecar", "ambient"] = "sidecar"
    """How traffic is carried: by a sidecar in each pod, or by Istio's ambient mode."""
    region: LabelValue = ""
    """The region of its nodes, for Istio's locality load balancing."""
    zone: LabelValue = ""
    """The zone of its nodes within the region."""
    pod_cidr: AddressRange | None = None
    """The address range of its pods; must not overlap with other clusters on the same network."""
    service_cidr: AddressRange | None = None
    """The address range of its Services; must not overlap with its pods' range."""
    east_west_gateway: EastWestGateway | None = None
    """Its east-west gateway; created automatically when the mesh spans several networks."""
    ingress_gateways: dict[Label, IngressGateway] = Field(default_factory=dict)
    """Its ingress gateways, by name."""
    discovery: Discovery = Field(default_factory=Discovery)
    """How peers reach and read its API server, where that differs from the stack."""
    istio: ClusterIstio = Field(default_factory=ClusterIstio)
    """Helm values of Istio's charts in this cluster alone."""
    additions: Additions = Field(default_factory=Additions)
    """Labels, annotations and patches of objects in this cluster alone."""
    embedded: Embedded | None = None
    """Provider: real control plane processes on this machine."""
    existing: Existing | None = None
    """Provider: an existing cluster."""
    kind: Kind | None = None
    """Provider: a kind cluster on this machine; not built yet."""
    eks: Eks | None = None
    """Provider: an Amazon EKS cluster; not built yet."""
    gke: Gke | None = None
    """Provider: a Google Kubernetes Engine cluster; not built yet."""
    aks: Aks | None = None
    """Provider: an Azure Kubernetes Service cluster; not built yet."""

    @model_validator(mode="after")
    def _one_provider(self) -> Cluster:
        named = [provider for provider in PROVIDERS if getattr(self, provider) is not None]
        if len(named) != 1:
            found = "names no provider" if not named else f"names {len(named)} providers ({', '.join(named)})"
            raise ValueError(f"{found}; give exactly one of {', '.join(PROVIDERS)}, for example `embedded: {{}}`")
        if self.zone and not self.region:
            raise ValueError(f"has the zone {self.zone!r} and no region; name the region as well")
        return self

    @property
    def provider(self) -> str:
        """The name of the one provider that is given."""
        return next(provider for provider in PROVIDERS if getattr(self, provider) is not None)

    @property
    def pods(self) -> Literal["real", "simulated", "processes"]:
        """What becomes of its pods: they run on its nodes, nowhere, or as processes on this machine."""
        if self.embedded:
            return self.embedded.pods
        return self.existing.pods if self.existing else "real"

    @property
    def simulated(self) -> bool:
        """Whether its nodes do not really run pods, so that istiod runs as a process beside it."""
        return self.embedded is not None or (self.existing is not None and self.existing.pods == "simulated")
