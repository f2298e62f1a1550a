"""Versions of Istio and Kubernetes, and where Istio's charts come from.

Source: https://istio.io/latest/docs/releases/supported-releases/#support-status-of-istio-releases
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from topology.faults import shown
from topology.model import Model
from topology.names import Revision

# Istio's minor release -> the Kubernetes minor releases it supports.
SUPPORTED: dict[str, tuple[int, ...]] = {
    "1.30": (32, 33, 34, 35, 36),
    "1.31": (32, 33, 34, 35, 36),
}
# What the toolchain builds: the only pair an embedded cluster can run.
EMBEDDED_ISTIO = "1.31"
EMBEDDED_KUBERNETES = "v1.35.4"
# Since 1.31; the older hosts end in December 2026.
PUBLISHED_CHARTS = "https://blob.istio.io/istio-release/charts"


class Charts(Model):
    """Where charts come from: `published`, `{repository: URL}` or `{folder: PATH}` in a stack file.

    Clusters whose istiod runs as a process beside them always use the charts of that very istiod.
    """

    repository: str = PUBLISHED_CHARTS
    folder: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_short_form(cls, value: Any) -> Any:
        if isinstance(value, Charts):
            return {"repository": value.repository, "folder": value.folder}
        if value in ("published", {}):
            return {}
        if isinstance(value, dict) and len(value) == 1:
            key, source = next(iter(value.items()))
            if key == "folder" and isinstance(source, str) and source:
                return {"folder": source}
            if key == "repository" and isinstance(source, str) and source.startswith(("https://", "oci://")):
                return {"repository": source}
        raise ValueError(
            f"{shown(value)} is not a chart source; use published, "
            "{repository: https://... or oci://...} or {folder: PATH}"
        )


class Istio(Model):
    """The Istio release of the fleet and the revision its control planes are installed as."""

    version: Annotated[str, Field(pattern=r"^\d+\.\d+(\.\d+)?$")] = EMBEDDED_ISTIO
    revision: Revision = "default"
    charts: Charts = Field(default_factory=Charts)

    @property
    def minor(self) -> str:
        """The release line, as in `1.31`."""
        return ".".join(self.version.split(".")[:2])


class Kubernetes(Model):
    """The Kubernetes version of the clusters this program creates."""

    version: Annotated[str, Field(pattern=r"^v\d+\.\d+\.\d+$")] = EMBEDDED_KUBERNETES

    @property
    def minor(self) -> int:
        """The minor release, as the 35 of v1.35.4."""
        return int(self.version.split(".")[1])
