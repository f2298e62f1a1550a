"""Which Services a mesh shares between its clusters, and which namespaces its control planes discover at all.

Sources: https://istio.io/latest/docs/ops/configuration/traffic-management/multicluster/ and
https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/ (serviceSettings, discoverySelectors)
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic.config import JsonDict

from meshfleet.redaction.shown import shown
from meshfleet.topology.addresses import DNS_NAME_LENGTH, LABEL
from meshfleet.topology.json_schema import text
from meshfleet.topology.labels import LabelKey, LabelValue
from meshfleet.topology.model import Model

# A Service, all Services of a namespace, or all Services. istiod compares hosts with the full names of its registry, so
# that a short name would match none, without a word (pilot/pkg/model/cluster_local.go).
_SERVICES = "svc.cluster.local"
CLUSTER_LOCAL = re.compile(rf"({LABEL}\.{LABEL}|\*\.{LABEL}|\*)\.{re.escape(_SERVICES)}")


def _checked_cluster_local(value: str) -> str:
    if len(value) > DNS_NAME_LENGTH or not CLUSTER_LOCAL.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is not the full name of Services; write SERVICE.NAMESPACE.{_SERVICES}, "
            f"*.NAMESPACE.{_SERVICES} for all of a namespace, or *.{_SERVICES} for all"
        )
    return value


def _some_host(value: object) -> object:
    if value == []:
        raise ValueError("is empty; name a host, or leave it out to share every Service between the clusters")
    return value


def _some_selector(value: object) -> object:
    if value == []:
        raise ValueError("is empty; give a selector, or leave it out to discover all namespaces")
    return value


class LabelRequirement(Model):
    """A requirement for one label of a namespace.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/label-selector/
    """

    key: LabelKey
    """The key of the label."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How the label is compared."""
    values: Annotated[tuple[LabelValue, ...], Field(strict=False)] = ()
    """The values to compare with; at least one for `In` and `NotIn`, none for `Exists` and `DoesNotExist`."""

    @model_validator(mode="after")
    def _values_fit_the_operator(self) -> LabelRequirement:
        # istiod would log such a selector and keep those that it has.
        compares = self.operator in ("In", "NotIn")
        if compares and not self.values:
            raise ValueError(f"operator {self.operator} needs values; give at least one")
        if self.values and not compares:
            raise ValueError(f"operator {self.operator} takes no values; leave them out")
        return self


class DiscoverySelector(Model):
    """A selector of namespaces, whose requirements must all be met; a namespace that meets one selector is discovered.

    Namespaces that the fleet creates are always discovered.
    Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-discovery_selectors
    """

    match_labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """The labels that a namespace has."""
    match_expressions: Annotated[tuple[LabelRequirement, ...], Field(strict=False)] = ()
    """Requirements for its labels."""

    @model_validator(mode="after")
    def _selects(self) -> DiscoverySelector:
        if not self.match_labels and not self.match_expressions:
            raise ValueError(
                "selects every namespace; give matchLabels or matchExpressions, or leave discoverySelectors out "
                "to discover all namespaces"
            )
        return self


# The schema's for what `_some_…` check: a minimal length would report a list of wrong entries as an empty one as well.
SOME: JsonDict = {"minItems": 1}
ClusterLocalHost = Annotated[str, AfterValidator(_checked_cluster_local), text(CLUSTER_LOCAL, DNS_NAME_LENGTH)]
ClusterLocalHosts = Annotated[
    tuple[ClusterLocalHost, ...], Field(strict=False, json_schema_extra=SOME), BeforeValidator(_some_host)
]
DiscoverySelectors = Annotated[
    tuple[DiscoverySelector, ...], Field(strict=False, json_schema_extra=SOME), BeforeValidator(_some_selector)
]
