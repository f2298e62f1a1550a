"""The sections `istio` and `kubernetes`: their versions, revisions, and where Istio's charts come from."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from meshfleet.redaction.shown import shown
from meshfleet.topology.additions import Release, Values
from meshfleet.topology.json_schema import one_key, or_null, text, text_schema
from meshfleet.topology.model import Model
from meshfleet.topology.names import Revision
from meshfleet.topology.text import FilePath
from meshfleet.topology.urls import checked_url
from meshfleet.versions import EMBEDDED_ISTIO, EMBEDDED_KUBERNETES, minor_of

# Since 1.31; the older hosts end in December 2026.
PUBLISHED_CHARTS = "https://blob.istio.io/istio-release/charts"


SCHEMES = ("https://", "oci://")

# Parts of more digits than any release has would be more than an integer is read from.
ISTIO_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]{1,4})?")
KUBERNETES_VERSION = re.compile(r"v[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}")


def _checked_istio(value: str) -> str:
    if not ISTIO_VERSION.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a version of Istio; write it as '1.31' or '1.31.2'")
    return value


def _checked_kubernetes(value: str) -> str:
    if not KUBERNETES_VERSION.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a version of Kubernetes; write it as {EMBEDDED_KUBERNETES}")
    return value


def checked_repository(value: str) -> str:
    """A repository of charts. Raises ValueError for what is none."""
    return checked_url(value, ("https", "oci"), "https://charts.example/istio or oci://charts.example/istio")


class Charts(Model):
    """Where charts come from: `published`, `{repository: URL}` or `{folder: PATH}` in a stack file.

    Clusters whose istiod runs as a process beside them always use the charts of that very istiod.
    """

    repository: Annotated[str, AfterValidator(checked_repository)] = PUBLISHED_CHARTS
    """The repository, as an https:// or oci:// URL; not used when a folder is given."""
    folder: FilePath = ""
    """A folder that holds the charts, in place of a repository."""

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
            if key == "repository" and isinstance(source, str) and source.startswith(SCHEMES):
                return {"repository": source}
        raise ValueError(
            f"{shown(value)} is not a chart source; use published, "
            "{repository: https://... or oci://...} or {folder: PATH}"
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What is written in a stack file, which is never the fields."""
        forms = (
            {"enum": ["published", {}]},
            one_key("repository", text_schema("(https|oci)://.+")),
            one_key("folder", {"type": "string", "minLength": 1}),
        )
        return {"anyOf": list(forms)}


class IstioRevision(Model):
    """One of several control planes that run side by side."""

    version: Annotated[str, AfterValidator(_checked_istio), text(ISTIO_VERSION)] | None = None
    """Its release of Istio, in quotes; `istio.version` when left out."""

    @model_validator(mode="before")
    @classmethod
    def _from_nothing(cls, value: Any) -> Any:
        # `green:` with nothing behind it is how YAML writes an empty mapping.
        return {} if value is None else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Its fields, or nothing."""
        return or_null(handler(core))


class Istio(Model):
    """The release of Istio and the revisions of its control planes.

    Source: https://istio.io/latest/docs/setup/upgrade/canary/
    """

    version: Annotated[str, AfterValidator(_checked_istio), text(ISTIO_VERSION)] = EMBEDDED_ISTIO
    """The release of Istio, in quotes: '1.31' or '1.31.2'."""
    revision: Revision = "default"
    """The revision of tags and declared namespaces; the only one unless `revisions` has more."""
    revisions: dict[Revision, IstioRevision] = Field(default_factory=dict)
    """The control planes in each cluster, by revision; `revision` alone when left out."""
    gateway_revision: Revision | None = None
    """The revision of gateways where it differs from `revision`: gateways go first in an upgrade."""
    tags: Annotated[tuple[Revision, ...], Field(strict=False)] = ()
    """Revision tags of `revision`: namespaces are labelled with the first one, and keep it in upgrades."""
    charts: Charts = Field(default_factory=Charts)
    """The source of charts: `published`, `{repository: URL}` or `{folder: PATH}`."""
    values: dict[Release, Values] = Field(default_factory=dict)
    """Helm values for all clusters by chart, or by the document of a release; merged last."""

    @property
    def minor(self) -> str:
        """The release line, as in `1.31`."""
        return minor_of(self.version)

    @property
    def installed(self) -> tuple[str, ...]:
        """The revisions of every control plane, sorted by name."""
        return tuple(sorted(self.revisions)) or (self.revision,)

    @property
    def gateways(self) -> str:
        """The revision that gateways are on."""
        return self.gateway_revision or self.revision

    def version_of(self, revision: str) -> str:
        """The release of Istio that a revision is of."""
        declared = self.revisions.get(revision)
        return (declared.version if declared else None) or self.version


class Kubernetes(Model):
    """The Kubernetes version of the clusters this program creates."""

    version: Annotated[str, AfterValidator(_checked_kubernetes), text(KUBERNETES_VERSION)] = EMBEDDED_KUBERNETES
    """The version of Kubernetes, as in v1.35.4."""

    @property
    def minor(self) -> int:
        """The minor release, as the 35 of v1.35.4."""
        return int(self.version.split(".")[1])
