"""A name for callers from outside of the mesh, which an ExternalDNS publishes at a DNS provider.

Sources: https://kubernetes-sigs.github.io/external-dns/latest/docs/sources/crd/ and, for records of several answers,
https://kubernetes-sigs.github.io/external-dns/latest/docs/tutorials/aws/#routing-policies
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from meshfleet.topology.addresses import DnsName
from meshfleet.topology.model import Model
from meshfleet.topology.names import Label
from meshfleet.topology.propagation.affinity import ClusterAffinity
from meshfleet.topology.text import Line

LONGEST_TTL = 604_800
MOST_OF_A_RECORD = 255
"""The largest weight that Route 53 has."""


class RecordWeight(Model):
    """A weight for the records of the clusters that are selected."""

    target_clusters: ClusterAffinity = Field(default_factory=ClusterAffinity)
    """The clusters; where several entries select one, the largest weight counts."""
    weight: Annotated[int, Field(ge=0, le=MOST_OF_A_RECORD)]
    """Its share of the answers, relative to the others; none with 0."""


class DnsEndpoint(Model):
    """A DNS name whose targets are the addresses of ingress gateways: a DNSEndpoint of ExternalDNS.

    Source: https://kubernetes-sigs.github.io/external-dns/latest/docs/sources/crd/
    """

    dns_name: DnsName
    """The name."""
    ingress_gateway: Label
    """The ingress gateways that it leads to, by the name that they have in their clusters."""
    target_clusters: ClusterAffinity | None = None
    """The clusters whose gateways it leads to; all that have one of that name when left out."""
    record_ttl: Annotated[int, Field(ge=1, le=LONGEST_TTL, alias="recordTTL")] = 60
    """For how many seconds resolvers may keep an answer."""
    weights: Annotated[tuple[RecordWeight, ...], Field(strict=False)] = ()
    """The share of the answers that each cluster has: a record for each, with `aws/weight`."""
    locality: bool = False
    """Whether callers get the nearest region: a record for each cluster, with `aws/region`."""
    provider_specific: dict[Line, Line] = Field(default_factory=dict)
    """More settings of the DNS provider, for all records of the name."""
    namespace: Label | None = None
    """The namespace of the object, by its name in `namespaces`; that of the control plane when left out."""
    publishing_clusters: ClusterAffinity | None = None
    """The clusters that get the object, in which an ExternalDNS runs; the host when left out."""
    definition: bool = False
    """Whether these clusters get the CustomResourceDefinition of ExternalDNS too."""

    @model_validator(mode="after")
    def _consistent(self) -> DnsEndpoint:
        if self.weights and self.locality:
            raise ValueError("has weights and locality; a name has one routing policy, give one of them")
        if self.weights and not any(each.weight for each in self.weights):
            raise ValueError("weights sum to zero; give a cluster a weight above zero")
        return self
