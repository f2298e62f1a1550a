"""Where cert-manager is, which issues the intermediates of a mesh, and how it comes there.

Source: https://cert-manager.io/docs/installation/helm/
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from meshfleet.redaction.shown import shown
from meshfleet.topology.additions import Values
from meshfleet.topology.istio import Charts, checked_repository
from meshfleet.topology.json_schema import text
from meshfleet.topology.model import Model

CERT_MANAGER_CHARTS = "oci://quay.io/jetstack/charts"
CERT_MANAGER_RELEASE = "1.21.2"
"""The release that is installed, and whose controllers are built for embedded clusters."""
_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}")


def _checked_version(value: str) -> str:
    if not _VERSION.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a version of cert-manager; write it as '{CERT_MANAGER_RELEASE}'")
    return value


class CertManagerCharts(Charts):
    """Where its chart comes from: `published`, `{repository: URL}` or `{folder: PATH}` in a stack file."""

    repository: Annotated[str, AfterValidator(checked_repository)] = CERT_MANAGER_CHARTS
    """The repository, as an https:// or oci:// URL; not used when a folder is given."""


class CertManager(Model):
    """Where cert-manager is, which issues the intermediates below the root of the stack that signs.

    The key of that root is in a Secret there, so that no other control plane may read the cluster: leave all of them
    out of its `discovery.readBy`, or take a cluster in a mesh of its own. Where pods are real the fleet installs its
    chart, and beside an embedded cluster it runs as a process. See [rotation](rotation.md).
    """

    cluster: str = ""
    """The cluster with the root's key and the certificates; the host when left out."""
    install: bool = True
    """Whether the fleet installs it, by its chart or as a process; `false` for one that is there."""
    charts: CertManagerCharts = Field(default_factory=CertManagerCharts)
    """The source of its chart, where pods are real: `published`, `{repository: URL}`, `{folder: PATH}`."""
    version: Annotated[str, AfterValidator(_checked_version), text(_VERSION)] = CERT_MANAGER_RELEASE
    """The version of its chart, in quotes; where pods are real."""
    values: Values = Field(default_factory=dict)
    """Helm values of its chart, merged last; where pods are real."""
