"""The settings of an Amazon EKS cluster."""

from __future__ import annotations

from typing import ClassVar

from meshfleet.providers.base import Settings
from meshfleet.topology.text import Line


class Eks(Settings):
    """An Amazon EKS cluster. Declared for the future; refused today."""

    summary: ClassVar[str] = "an Amazon EKS cluster"

    account_profile: Line = ""
    """The profile of the AWS account."""
