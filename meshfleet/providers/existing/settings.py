"""The settings of an existing cluster."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from meshfleet.providers.base import Settings
from meshfleet.topology.text import checked_line, checked_path


class Existing(Settings):
    """A cluster that is there already, reached through a kubeconfig and a context named explicitly.

    `pods: simulated` says that nothing really runs on its nodes (KWOK, or a control plane without nodes), so
    that istiod and the gateway's address are made on this machine, as for an embedded cluster.
    """

    summary: ClassVar[str] = "a cluster that is there already"

    kubeconfig: Annotated[str, Field(min_length=1), AfterValidator(checked_path)]
    """The path of the kubeconfig; the ambient one is never read."""
    context: Annotated[str, Field(min_length=1), AfterValidator(checked_line)]
    """The context in it; the current one is never used."""
    pods: Literal["real", "simulated"] = "real"
    """Whether pods really run there; `simulated` where nodes are KWOK's or there are none."""
