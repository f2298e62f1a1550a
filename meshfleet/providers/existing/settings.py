"""The settings of an existing cluster."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from meshfleet.providers.base import Settings
from meshfleet.topology.text import checked_line, checked_path


class Existing(Settings):
    """An existing cluster, reached through an explicit kubeconfig and context.

    With `pods: simulated` no pod really runs on its nodes (KWOK, or a control plane without nodes): istiod runs as a
    process on this machine and the gateway's address is assigned by the fleet, as for an embedded cluster.
    """

    summary: ClassVar[str] = "an existing cluster"

    kubeconfig: Annotated[str, Field(min_length=1), AfterValidator(checked_path)]
    """The path of the kubeconfig; KUBECONFIG and ~/.kube/config are never read."""
    context: Annotated[str, Field(min_length=1), AfterValidator(checked_line)]
    """The context in it; the current context is never used."""
    pods: Literal["real", "simulated"] = "real"
    """Whether its pods really run; `simulated` for nodes of KWOK, or a cluster without nodes."""
