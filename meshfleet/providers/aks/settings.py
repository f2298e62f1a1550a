"""The settings of an Azure Kubernetes Service cluster."""

from __future__ import annotations

from typing import ClassVar

from meshfleet.providers.base import Settings
from meshfleet.topology.text import Line


class Aks(Settings):
    """An Azure Kubernetes Service cluster. Declared for the future; refused today."""

    summary: ClassVar[str] = "an Azure Kubernetes Service cluster"

    resource_group: Line = ""
    """The Azure resource group."""
