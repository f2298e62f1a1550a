"""A cluster of the fleet: who provides it, its network, its control plane and its data plane.

Each provider of the registry is a key of a cluster; its settings are the provider's own model.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, create_model, model_validator

from meshfleet.providers.base import Capabilities, Settings
from meshfleet.providers.registry import NAMES, PROVIDERS, Entry, provider_of, settings_of
from meshfleet.topology.additions import Additions, ClusterIstio
from meshfleet.topology.addresses import AddressRange
from meshfleet.topology.control_plane import ControlPlane
from meshfleet.topology.discovery import Discovery
from meshfleet.topology.gateways import EastWestGateway, IngressGateway
from meshfleet.topology.json_schema import exactly_one
from meshfleet.topology.labels import LabelKey, LabelValue
from meshfleet.topology.model import Model
from meshfleet.topology.names import ServiceName
from meshfleet.topology.propagation.capacity import Capacity
from meshfleet.topology.propagation.placement import Taint

S = TypeVar("S", bound=Settings)


class DeclaredCluster(Model):
    """What is declared of a cluster apart from its provider, and what its provider answers about it."""

    model_config = ConfigDict(json_schema_extra=exactly_one(*NAMES))

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
    ingress_gateways: dict[ServiceName, IngressGateway] = Field(default_factory=dict)
    """Its ingress gateways, by name."""
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Its labels, by which propagations select it."""
    taints: Annotated[tuple[Taint, ...], Field(strict=False)] = ()
    """Its taints, which keep propagations away that do not tolerate them."""
    capacity: Capacity | None = None
    """What it can hold of propagated workloads, for those that are divided by capacity."""
    discovery: Discovery = Field(default_factory=Discovery)
    """Which peers read its API server, and how they reach it where that differs from the stack."""
    istio: ClusterIstio = Field(default_factory=ClusterIstio)
    """Helm values of Istio's charts in this cluster alone."""
    additions: Additions = Field(default_factory=Additions)
    """Labels, annotations and patches of objects in this cluster alone."""

    @model_validator(mode="after")
    def _one_provider(self) -> Self:
        named = [name for name in NAMES if getattr(self, name) is not None]
        if len(named) != 1:
            found = "names no provider" if not named else f"names {len(named)} providers ({', '.join(named)})"
            raise ValueError(f"{found}; give exactly one of {', '.join(NAMES)}, for example `{NAMES[0]}: {{}}`")
        if self.zone and not self.region:
            raise ValueError(f"has the zone {self.zone!r} and no region; name the region as well")
        return self

    @property
    def provider(self) -> str:
        """The name of the one provider that is given."""
        return next(name for name in NAMES if getattr(self, name) is not None)

    def settings(self, model: type[S]) -> S:
        """The settings of its provider, for the provider itself. Raises `TypeError` for those of another one."""
        found = getattr(self, self.provider)
        if not isinstance(found, model):
            raise TypeError(f"{self.provider}: its settings are {type(found).__name__}, not {model.__name__}")
        return found

    @cached_property
    def capabilities(self) -> Capabilities:
        """What its provider answers about it."""
        return provider_of(self.provider).capabilities(getattr(self, self.provider))

    @property
    def local(self) -> bool:
        """Whether its control plane runs as processes in the fleet's folder on this machine."""
        return provider_of(self.provider).local


def _description(entry: Entry) -> str:
    return f"Provider: {settings_of(entry.name).summary}{'' if entry.built else '; not built yet'}."


if TYPE_CHECKING:

    class Cluster(DeclaredCluster):
        """A cluster of the stack file."""
else:
    Cluster = create_model(
        "Cluster",
        __base__=DeclaredCluster,
        __module__=__name__,
        __doc__=f"A cluster. Its provider is exactly one of {', '.join(f'`{name}`' for name in NAMES)}.",
        **{
            entry.name: (settings_of(entry.name) | None, Field(default=None, description=_description(entry)))
            for entry in PROVIDERS
        },
    )
