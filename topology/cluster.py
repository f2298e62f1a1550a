"""A cluster of the fleet: who provides it, its network, its control plane and its data plane."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from topology.control_plane import ControlPlane
from topology.model import Model
from topology.network import AddressRange

PROVIDERS = ("embedded", "existing", "kind", "eks", "gke", "aks")

Port = Annotated[int, Field(ge=1, le=65535)]


class Embedded(Model):
    """A real control plane run as processes on this machine; its nodes are simulated by KWOK."""

    nodes: Annotated[int, Field(ge=1, le=100)] = 1


class Existing(Model):
    """A cluster that is there already, reached through a kubeconfig and a context named explicitly.

    `pods: simulated` says that nothing really runs on its nodes (KWOK, or a control plane without nodes), so
    that istiod and the gateway's address are made on this machine, as for an embedded cluster.
    """

    kubeconfig: Annotated[str, Field(min_length=1)]
    context: Annotated[str, Field(min_length=1)]
    pods: Literal["real", "simulated"] = "real"


class Kind(Model):
    """A kind cluster on this machine. Declared for the future; refused today."""

    nodes: Annotated[int, Field(ge=1, le=100)] = 1


class Eks(Model):
    """An Amazon EKS cluster. Declared for the future; refused today."""

    account_profile: str = ""


class Gke(Model):
    """A Google Kubernetes Engine cluster. Declared for the future; refused today."""

    project: str = ""


class Aks(Model):
    """An Azure Kubernetes Service cluster. Declared for the future; refused today."""

    resource_group: str = ""


class EastWestGateway(Model):
    """The gateway through which other networks of the mesh reach this cluster's services.

    Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/
    """

    port: Port = 15443
    service_annotations: dict[str, str] = Field(default_factory=dict)


class Cluster(Model):
    """One cluster. Exactly one of `embedded`, `existing`, `kind`, `eks`, `gke`, `aks` says who provides it."""

    network: str
    mesh: str = ""
    control_plane: ControlPlane = Field(default_factory=ControlPlane)
    data_plane: Literal["sidecar", "ambient"] = "sidecar"
    region: str = ""
    zone: str = ""
    pod_cidr: AddressRange | None = None
    service_cidr: AddressRange | None = None
    east_west_gateway: EastWestGateway | None = None
    embedded: Embedded | None = None
    existing: Existing | None = None
    kind: Kind | None = None
    eks: Eks | None = None
    gke: Gke | None = None
    aks: Aks | None = None

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
    def simulated(self) -> bool:
        """Whether its pods do not really run, so that istiod runs as a process beside it."""
        return self.embedded is not None or (self.existing is not None and self.existing.pods == "simulated")
