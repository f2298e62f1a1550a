"""The section `federation`: which engine brings propagated objects to their clusters.

Source: https://karmada.io/docs/core-concepts/architecture/
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from meshfleet.redaction.shown import shown
from meshfleet.topology.additions import Values
from meshfleet.topology.addresses import GatewayAddress
from meshfleet.topology.gateways import Annotations, NodePort
from meshfleet.topology.json_schema import exactly_one, text
from meshfleet.topology.model import Model
from meshfleet.topology.names import LABEL_LENGTH
from meshfleet.topology.propagation.sources import PackagedChart
from meshfleet.topology.text import FilePath, Line

# Karmada takes namespaces of this beginning for its own, and brings none of their objects anywhere.
_NAMESPACE: Final = re.compile(r"karmada-[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_OF_MEMBERS: Final = "karmada-cluster"


def _checked_namespace(value: str) -> str:
    if len(value) > LABEL_LENGTH or not _NAMESPACE.fullmatch(value) or value == _OF_MEMBERS:
        raise ValueError(
            f"{shown(value)} is not a namespace of Karmada's own: begin with karmada-, as in karmada-system, use "
            f"lower-case letters, digits and '-', at most {LABEL_LENGTH} characters, and not {_OF_MEMBERS}"
        )
    return value


class KarmadaChart(PackagedChart):
    """A release of Karmada's own chart on the host, with certificates below the root of the host's mesh.

    Exactly one of `folder`, and `repository` with `name`, `version` and `digest`. Its values are those of v1.18.

    Source: https://karmada.io/docs/installation/install-karmada-by-helm/
    """

    namespace: Annotated[str, AfterValidator(_checked_namespace), text(_NAMESPACE, LABEL_LENGTH)] = "karmada-system"
    """The namespace of the release; it begins with `karmada-`."""
    type: Literal["LoadBalancer", "NodePort"] = "LoadBalancer"
    """The type of the Service of its API server: behind a load balancer, or at a port of every node."""
    node_port: NodePort | None = None
    """With `type: NodePort` its node port; the cluster assigns one when left out."""
    service_annotations: Annotations = Field(default_factory=dict)
    """Annotations of that Service, for example for a cloud load balancer."""
    address: GatewayAddress | None = None
    """Where its API server is reached, if not at the address of its Service: an IP address or a DNS name."""
    values: Values = Field(default_factory=dict)
    """Helm values of the chart, merged last."""

    @field_validator("node_port")
    @classmethod
    def _of_its_type(cls, value: int | None, info: ValidationInfo) -> int | None:
        # A type that is a fault of its own is not among the values.
        if value is not None and info.data.get("type", "NodePort") != "NodePort":
            raise ValueError("goes with `type: NodePort`; write that, or leave it out")
        return value

    @model_validator(mode="after")
    def _pinned(self) -> KarmadaChart:
        if self.repository is not None and self.digest is None:
            raise ValueError("a chart of a repository needs a digest, the SHA-256 of its package; give it")
        return self


class Karmada(Model):
    """The control plane of Karmada: one that is there, or a release of its chart. Exactly one of them.

    Source: https://karmada.io/docs/core-concepts/architecture/
    """

    model_config = ConfigDict(json_schema_extra=exactly_one("kubeconfig", "chart"))

    kubeconfig: FilePath | None = None
    """The kubeconfig of the API server of one that is there; KUBECONFIG and ~/.kube/config are never read."""
    context: Annotated[Line, Field(min_length=1)] | None = None
    """The context in it; the current context is never used."""
    chart: KarmadaChart | None = None
    """A release of Karmada's chart on the host, in place of a control plane that is there."""
    scheduling: Literal["declared", "live"] = "declared"
    """What decides where the two could differ: the stack file, or Karmada by what it sees of clusters."""

    @field_validator("context")
    @classmethod
    def _of_a_kubeconfig(cls, value: str | None, info: ValidationInfo) -> str | None:
        # A kubeconfig that is a fault of its own is not among the values.
        if value is not None and info.data.get("kubeconfig", ...) is None:
            raise ValueError("belongs to kubeconfig, which is not there; leave it out")
        return value

    @model_validator(mode="after")
    def _one_control_plane(self) -> Karmada:
        if (self.kubeconfig is None) == (self.chart is None):
            found = "has no control plane" if self.chart is None else "has two control planes"
            raise ValueError(f"{found}; give kubeconfig for one that is there, or chart, and not both")
        if self.kubeconfig is not None and self.context is None:
            raise ValueError("kubeconfig needs a context; name the one of Karmada's API server")
        return self


class Federation(Model):
    """Which engine brings propagated objects to their clusters; `direct` when left out.

    Source: https://karmada.io/docs/core-concepts/architecture/
    """

    engine: Literal["direct", "karmada"] = "direct"
    """`direct`: the stack itself; `karmada`: a control plane of Karmada, which goes on by itself."""
    karmada: Karmada | None = None
    """The control plane of Karmada, for the engine `karmada`."""

    @model_validator(mode="after")
    def _engine_with_its_settings(self) -> Federation:
        if (self.engine == "karmada") != (self.karmada is not None):
            if self.karmada is None:
                raise ValueError("the engine karmada needs a control plane; give karmada")
            raise ValueError("karmada is of the engine karmada; write engine: karmada, or leave it out")
        return self
