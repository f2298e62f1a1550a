"""Where objects of a propagation come from beside the stack file itself: files, kustomizations and Helm charts.

Sources: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/kustomization/ and
https://helm.sh/docs/helm/helm_template/
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, model_validator

from meshfleet.redaction.shown import shown
from meshfleet.topology.additions import checked_tree
from meshfleet.topology.json_schema import text
from meshfleet.topology.model import Model
from meshfleet.topology.names import DNS_LABEL, LABEL_LENGTH
from meshfleet.topology.text import checked_path
from meshfleet.topology.urls import checked_url

SCHEMES: Final = ("https", "oci")
DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
CHART: Final = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?")
# No range and no `latest`: the same stack file gives the same objects.
VERSION: Final = re.compile(r"v?(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
API: Final = re.compile(r"([a-z0-9.-]+/)?v[0-9][a-z0-9]*(/[A-Z][A-Za-z0-9]*)?")
_RELEASE_LENGTH: Final = 53
_NAME_LENGTH: Final = 250


def checked_place(value: str) -> str:
    """A path within the project. Raises ValueError in words for one that leads out of it, or is none."""
    checked_path(value)
    parts = value.split("/")
    if value.startswith(("/", "~")):
        raise ValueError(f"{shown(value)} does not begin at the project; give a path within it, such as manifests")
    if ".." in parts:
        raise ValueError(f"{shown(value)} has '..'; give a path within the project, such as manifests/web.yaml")
    if "://" in value:
        raise ValueError(f"{shown(value)} is a URL; put what it names into the project")
    return "/".join(part for part in parts if part not in ("", ".")) or "."


def _checked_repository(value: str) -> str:
    return checked_url(value, SCHEMES, "https://HOST/PATH or oci://HOST/PATH")


def _matching(form: re.Pattern[str], what: str, example: str, longest: int = _NAME_LENGTH) -> AfterValidator:
    def checked(value: str) -> str:
        if len(value) > longest or not form.fullmatch(value):
            raise ValueError(f"{shown(value)} is not {what}; write it as {example}")
        return value

    return AfterValidator(checked)


Place = Annotated[str, AfterValidator(checked_place)]
"""A path within the project, with `/`; what it leads to is read where the stack is loaded."""
_Values = Annotated[dict[str, Any], AfterValidator(checked_tree)]


class PackagedChart(Model):
    """Where a Helm chart comes from, in one version: the project, or a repository.

    Source: https://helm.sh/docs/helm/helm_pull/
    """

    folder: Place | None = None
    """The folder of the chart, or its package, in the project."""
    repository: Annotated[str, AfterValidator(_checked_repository), text("(https|oci)://.+")] | None = None
    """The repository, as an https:// or oci:// URL, in place of a folder; with `name` and `version`."""
    name: Annotated[str, _matching(CHART, "the name of a chart", "in web"), text(CHART, _NAME_LENGTH)] | None = None
    """The chart's name in the repository."""
    version: Annotated[str, _matching(VERSION, "an exact version", '"1.4.2"'), text(VERSION)] | None = None
    """The chart's exact version in the repository, in quotes."""
    digest: Annotated[str, _matching(DIGEST, "a digest", "sha256: and 64 hexadecimal digits"), text(DIGEST)] | None = (
        None
    )
    """The SHA-256 of the chart's package; another package is refused."""

    @model_validator(mode="after")
    def _from_one_place(self) -> Self:
        if (self.folder is None) == (self.repository is None):
            found = "has no chart" if self.folder is None else "has two charts"
            raise ValueError(f"{found}; give exactly one of folder, repository")
        for key, given in (("name", self.name), ("version", self.version)):
            if self.repository is not None and given is None:
                raise ValueError(f"a chart of a repository needs a {key}; give it")
            if self.folder is not None and given is not None:
                raise ValueError(f"{key} is for charts of a repository; the folder says its own, leave {key} out")
        return self

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return self.folder or f"{self.name} {self.version}"


class ChartSource(PackagedChart):
    """A Helm chart, rendered as `helm template` does. Hooks and tests are left out.

    Source: https://helm.sh/docs/helm/helm_template/
    """

    release: Annotated[
        str, _matching(DNS_LABEL, "the name of a release", "in web", _RELEASE_LENGTH), text(DNS_LABEL, _RELEASE_LENGTH)
    ]
    """The name of the release, which names of objects begin with in most charts."""
    namespace: Annotated[
        str, _matching(DNS_LABEL, "the name of a namespace", "in shop", LABEL_LENGTH), text(DNS_LABEL, LABEL_LENGTH)
    ]
    """The namespace of all objects that are in one and name none."""
    values: _Values = Field(default_factory=dict)
    """Values of the chart, over those of `valuesFiles`."""
    values_files: Annotated[tuple[Place, ...], Field(strict=False)] = ()
    """Files with values in the project, in order: a later one replaces an earlier one's."""
    api_versions: Annotated[
        tuple[Annotated[str, _matching(API, "an API version", "in apps/v1 or apps/v1/Deployment"), text(API)], ...],
        Field(strict=False),
    ] = ()
    """Further API versions that the chart is told clusters have."""
