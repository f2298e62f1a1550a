"""Namespaces that the fleet owns, with or without sidecar injection."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from topology.model import Model


class Namespace(Model):
    """A namespace of the same name in some clusters; in all of them when `clusters` is empty.

    Source: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
    """

    injection: bool = False
    clusters: Annotated[tuple[str, ...], Field(strict=False)] = ()
    labels: dict[str, str] = Field(default_factory=dict)
