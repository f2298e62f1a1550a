"""The settings of a Google Kubernetes Engine cluster."""

from __future__ import annotations

from typing import ClassVar

from meshfleet.providers.base import Settings
from meshfleet.topology.text import Line


class Gke(Settings):
    """A Google Kubernetes Engine cluster. Declared for the future; refused today."""

    summary: ClassVar[str] = "a Google Kubernetes Engine cluster"

    project: Line = ""
    """The Google Cloud project."""
