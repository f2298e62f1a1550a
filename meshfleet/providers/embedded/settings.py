"""The settings of an embedded cluster."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from meshfleet.providers.base import Settings


class Embedded(Settings):
    """A real control plane that runs as processes on this machine; its nodes are simulated by KWOK.

    `pods: processes` runs pods with supported images (proxies, gateways, Istio's echo server) as processes in network
    namespaces of their own. That requires root: without it they are simulated like all others.
    """

    summary: ClassVar[str] = "real control plane processes on this machine"

    nodes: Annotated[int, Field(ge=1, le=100)] = 1
    """The number of simulated nodes."""
    pods: Literal["simulated", "processes"] = "simulated"
    """Whether pods with supported images run as processes, or all pods are simulated."""

    @model_validator(mode="after")
    def _one_node_runs_them(self) -> Embedded:
        if self.pods == "processes" and self.nodes != 1:
            raise ValueError(f"has {self.nodes} nodes; one node runs all pods that are processes, leave nodes out")
        return self
