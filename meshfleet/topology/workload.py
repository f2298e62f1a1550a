"""Workloads: programs of a namespace, in some clusters, in one version or several.

Sources: https://istio.io/latest/docs/ops/deployment/application-requirements/ and, for what leads to a version,
https://istio.io/latest/docs/tasks/traffic-management/request-routing/
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from meshfleet.redaction.shown import shown
from meshfleet.topology.addresses import LABEL
from meshfleet.topology.json_schema import or_null, text
from meshfleet.topology.model import Model
from meshfleet.topology.names import Label

# Lower case, since that is how HTTP/2 writes it and Istio looks for it.
HEADER_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]*[a-z0-9])?")
# Istio takes these for parts of the request line and never looks for a header of the name.
# https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest-headers
NO_HEADERS = frozenset({"authority", "method", "scheme", "uri"})
HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
# A namespace and a ServiceAccount, whose name may have dots.
CALLER = re.compile(rf"{LABEL}/{LABEL}(\.{LABEL})*")
CALLER_LENGTH = 63 + 1 + 253
# What a Gateway API route takes, which is less than Istio's own does.
# https://gateway-api.sigs.k8s.io/reference/spec/#httpheadermatch
HEADER_NAME_LENGTH = 256
HEADER_VALUE_LENGTH = 4096

# Close enough to tell a slip; what a registry has is not known here.
# https://pkg.go.dev/github.com/distribution/reference#pkg-overview
IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}")

DEFAULT_VERSION = "v1"

SERVICE_PORTS: Final = {"http": 80, "grpc": 7070}
"""The ports of the Service of every workload, by name. Istio reads the protocol from the name."""

# https://istio.io/latest/docs/reference/config/annotations/#NetworkingExportTo
OWN_NAMESPACE, EVERY_NAMESPACE = ".", "*"
EXPORT_TARGET = re.compile(rf"\.|\*|{LABEL}")


def _checked_header_name(value: str) -> str:
    if len(value) > HEADER_NAME_LENGTH or not HEADER_NAME.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is not the name of a header: use lower-case letters, digits, '-' and '_', as in x-canary"
        )
    if value in NO_HEADERS:
        raise ValueError(f"{shown(value)} is a part of the request line to Istio, not a header; use another name")
    return value


def _checked_header_value(value: str) -> str:
    if len(value) > HEADER_VALUE_LENGTH or not HEADER_VALUE.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is not the value of a header: give letters, digits and signs of ASCII, at least one, "
            "without blanks around them"
        )
    return value


def _checked_caller(value: str) -> str:
    if len(value) > CALLER_LENGTH or not CALLER.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is not a caller; write it as NAMESPACE/SERVICE-ACCOUNT, where a workload of a stack has "
            "the ServiceAccount of its own name"
        )
    return value


def _checked_image(value: str) -> str:
    if not IMAGE.fullmatch(value):
        raise ValueError(f"{shown(value)} is not an image; write it as registry.example/shop/cart:1.2")
    return value


def _checked_export_target(value: str) -> str:
    if not EXPORT_TARGET.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is not a namespace; name one, or write '{OWN_NAMESPACE}' for the workload's own or "
            f"'{EVERY_NAMESPACE}' for every one"
        )
    return value


HeaderName = Annotated[str, AfterValidator(_checked_header_name), text(HEADER_NAME, HEADER_NAME_LENGTH)]
HeaderValue = Annotated[str, AfterValidator(_checked_header_value), text(HEADER_VALUE, HEADER_VALUE_LENGTH)]
Caller = Annotated[str, AfterValidator(_checked_caller), text(CALLER, CALLER_LENGTH)]
ExportTarget = Annotated[str, AfterValidator(_checked_export_target), text(EXPORT_TARGET)]
Image = Annotated[str, AfterValidator(_checked_image), text(IMAGE)]


def is_exported(export_to: Collection[str], own: str, namespace: str) -> bool:
    """Whether what is exported to `export_to` from the namespace `own` is known in `namespace`."""
    targets = {EVERY_NAMESPACE, namespace, *((OWN_NAMESPACE,) if namespace == own else ())}
    return not export_to or not targets.isdisjoint(export_to)


class Version(Model):
    """One version of a workload: a Deployment in each of its clusters, and its share of the requests.

    Without weights and headers requests are balanced over all pods of the workload, of every version.
    """

    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    """The number of pods in each of its clusters."""
    clusters: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The clusters that run it, a subset of the workload's; all of them when left out."""
    weight: Annotated[int, Field(ge=0, le=100)] | None = None
    """Its percentage of the requests; set for all versions of a workload, or for none."""
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    """A request with all of these headers, by exact match, goes to this version regardless of weights."""

    @model_validator(mode="before")
    @classmethod
    def _from_nothing(cls, value: Any) -> Any:
        # `v1:` with nothing behind it is how YAML writes an empty mapping.
        return {} if value is None else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Its fields, or nothing."""
        return or_null(handler(core))


class Workload(Model):
    """A workload: a Service and a ServiceAccount of its name, and a Deployment for each version.

    Its Service has the ports 80 (HTTP) and 7070 (gRPC), with the target ports 8080 and 7070. The Service is in every
    every cluster of the mesh that has the namespace, even where none of its pods runs.
    """

    namespace: str
    """Its namespace, by its name in `namespaces`."""
    clusters: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The clusters that run its pods; all clusters of its namespace when left out."""
    image: Image | None = None
    """The image of its pods; when left out Istio's echo server, which reports who called which pod."""
    versions: dict[Label, Version] = Field(default_factory=lambda: {DEFAULT_VERSION: Version()})
    """Its versions by name."""
    allowed_callers: Annotated[tuple[Caller, ...], Field(strict=False)] = ()
    """The ServiceAccounts that may call it, from any cluster of the mesh; all callers when left out."""

    export_to: Annotated[tuple[ExportTarget, ...], Field(strict=False)] = ()
    """The namespaces whose proxies know it: names, `.` for its own, `*` for all; all when left out."""

    @model_validator(mode="after")
    def _some_namespace(self) -> Workload:
        # An empty list reads as no namespace, and would export it to all.
        if "export_to" in self.model_fields_set and not self.export_to:
            raise ValueError("exportTo is empty; name a namespace, or leave the list out to export it to all")
        return self

    @model_validator(mode="after")
    def _some_caller(self) -> Workload:
        # An empty list reads as no caller, and would allow all callers.
        if "allowed_callers" in self.model_fields_set and not self.allowed_callers:
            raise ValueError("allowedCallers is empty; name a caller, or leave the list out to let everybody call it")
        return self

    def is_known_in(self, namespace: str) -> bool:
        """Whether proxies of a namespace know it."""
        return is_exported(self.export_to, self.namespace, namespace)

    @property
    def weighted(self) -> bool:
        """Whether requests are shared out by weights."""
        return any(version.weight is not None for version in self.versions.values())

    @property
    def routed(self) -> bool:
        """Whether something but its endpoints says which version a request goes to."""
        return self.weighted or any(version.headers for version in self.versions.values())
