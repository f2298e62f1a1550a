"""Settings that hold in a whole mesh: declared once, so that its control planes cannot come to differ.

Left out means Istio's own default: nothing is written then. Control planes of one mesh that were configured one by
one and diverged are a known way to break it (https://github.com/istio/istio/issues/33253).
Sources: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/ and, for what Istio itself checks,
pkg/config/validation/agent/validation.go of istio/istio.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from meshfleet.files.json_text import parse_json
from meshfleet.redaction.shown import shown
from meshfleet.topology.json_schema import NotNull, exactly_one, text
from meshfleet.topology.labels import NAME
from meshfleet.topology.model import Model
from meshfleet.topology.network import Port
from meshfleet.topology.service_scope import ClusterLocalHosts, DiscoverySelectors
from meshfleet.topology.text import Text

# A Service's full name; only that is found in istiod's registry (LookupCluster, pilot/pkg/model/telemetry_logging.go).
LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
SERVICE = re.compile(rf"({LABEL}/)?{LABEL}(\.{LABEL})+")
SERVICE_LENGTH = 253


def _given(value: object) -> object:
    if value is None:
        raise ValueError("has nothing behind it; write {} for its defaults, or leave the key out")
    return value


def _checked_region(value: str) -> str:
    # What Istio refuses first, told by itself: a locality may name zones, a failover may not.
    if "/" in value or "*" in value:
        raise ValueError(f"{shown(value)} is not a region alone; failover goes by region, without zones and '*'")
    if not NAME.fullmatch(value):
        raise ValueError(f"{shown(value)} is not a region; name it as the `region` of a cluster does")
    return value


def _checked_service(value: str) -> str:
    if len(value) > SERVICE_LENGTH or not SERVICE.fullmatch(value) or _is_address(value):
        raise ValueError(
            f"{shown(value)} is not the full name of a Service; write it as collector.observability.svc.cluster.local, "
            "with NAMESPACE/ before it where several namespaces have one of that name"
        )
    return value


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


# A key without a value is most likely unfinished.
Given = BeforeValidator(_given)
Region = Annotated[str, AfterValidator(_checked_region), text(NAME)]
ServiceName = Annotated[str, AfterValidator(_checked_service), text(SERVICE, SERVICE_LENGTH)]
Seconds = Annotated[int, Field(ge=1, le=86400)]


class Failover(Model):
    """The first failover target of a region without healthy endpoints."""

    origin: Region = Field(alias="from")
    """The region whose own endpoints are not healthy."""
    to: Region
    """The region that takes its traffic first."""

    @model_validator(mode="after")
    def _leads_elsewhere(self) -> Failover:
        if self.origin == self.to:
            raise ValueError(f"leads from {self.origin!r} to itself; name two different regions")
        return self


class OutlierDetection(Model):
    """When a proxy ejects an endpoint, and for how long. Without it Istio does not fail over.

    Only gateway errors count (502, 503, 504 and failed connections): a workload that returns 500 would otherwise
    eject a whole service.

    Source: https://istio.io/latest/docs/reference/config/networking/destination-rule/#OutlierDetection
    """

    consecutive_gateway_errors: Annotated[int, Field(ge=1, le=1000)] = 5
    """The number of consecutive gateway errors after which an endpoint is ejected."""
    interval_seconds: Seconds = 10
    """Seconds between two evaluations of the endpoints."""
    base_ejection_seconds: Seconds = 30
    """Seconds for which an endpoint is ejected, multiplied by the number of its ejections."""
    max_ejection_percent: Annotated[int, Field(ge=1, le=100)] = 100
    """The share of a service that may be ejected; below 100 a failed region keeps some traffic."""


class Locality(Model):
    """Traffic stays in its own zone and region while endpoints there are healthy; `{}` enables it with defaults.

    Source: https://istio.io/latest/docs/tasks/traffic-management/locality-load-balancing/failover/
    """

    failover: Annotated[tuple[Failover, ...], Field(strict=False)] = ()
    """The region that each region fails over to; any other region where none is set."""
    outlier_detection: OutlierDetection = Field(default_factory=OutlierDetection)
    """When an endpoint counts as unhealthy."""

    @model_validator(mode="after")
    def _one_way_out_of_each_region(self) -> Locality:
        # applyLocalityFailover of pilot/pkg/networking/core/loadbalancer stops at the first that fits.
        origins = [failover.origin for failover in self.failover]
        for position, origin in enumerate(origins):
            if origin in origins[:position]:
                raise ValueError(
                    f"failover[{position}] leads from {origin!r} as failover[{origins.index(origin)}] does; "
                    "Istio looks at the first only, name each region once"
                )
        return self


class AccessLog(Model):
    """A line for each request or connection, on the standard output of every proxy.

    Source: https://istio.io/latest/docs/tasks/observability/logs/telemetry-api/
    """

    enabled: bool = True
    """Whether proxies write it; `false` disables it mesh-wide, and a namespace may enable it again."""
    encoding: Literal["text", "json"] = "text"
    """The encoding of a line."""
    format: Text = ""
    """The line in Envoy's command operators such as %RESPONSE_CODE%; Istio's default when left out."""

    @model_validator(mode="after")
    def _json_is_json(self) -> AccessLog:
        # istiod would write the fault into its log and go on with its own format.
        if self.encoding == "json" and self.format and not _is_json_object(self.format):
            raise ValueError('format is not a JSON object; with encoding json write it as {"code": "%RESPONSE_CODE%"}')
        return self


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(parse_json(text), dict)
    except ValueError:
        return False


class Collector(Model):
    """The Service of the collector; proxies of every cluster reach it in the mesh under the same name."""

    service: ServiceName
    """Its full name, such as otel-collector.observability.svc.cluster.local."""
    port: Port
    """The port of that Service: OTLP over gRPC, or Zipkin's API."""


class Tracing(Model):
    """Traces of requests, sent to one collector. Exactly one of `opentelemetry` and `zipkin`.

    Source: https://istio.io/latest/docs/tasks/observability/distributed-tracing/telemetry-api/
    """

    model_config = ConfigDict(json_schema_extra=exactly_one("opentelemetry", "zipkin"))

    sampling_percentage: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    """The percentage of requests that are traced; 1 when left out, Istio's default."""
    opentelemetry: Collector | None = None
    """A collector for OTLP."""
    zipkin: Collector | None = None
    """A collector for Zipkin's API."""

    @model_validator(mode="after")
    def _one_collector(self) -> Tracing:
        if (self.opentelemetry is None) == (self.zipkin is None):
            found = "names no collector" if self.zipkin is None else "names two collectors"
            raise ValueError(f"{found}; give exactly one of opentelemetry, zipkin, each {{service: NAME, port: PORT}}")
        return self


class MeshSettings(Model):
    """Mesh-wide settings, the same in every control plane. Left out: Istio's default."""

    mtls: Annotated[Literal["strict", "permissive"] | None, Given, NotNull()] = None
    """Whether workloads accept mutual TLS only, or plain text as well."""
    outbound_traffic_policy: Annotated[Literal["allow-any", "registry-only"] | None, Given, NotNull()] = None
    """Whether workloads may call hosts outside of the service registry."""
    locality: Annotated[Locality | None, Given, NotNull()] = None
    """Locality load balancing and failover between regions."""
    access_log: Annotated[AccessLog | None, Given, NotNull()] = None
    """The access logs of all proxies."""
    tracing: Annotated[Tracing | None, Given, NotNull()] = None
    """The traces of all proxies."""
    cluster_local: ClusterLocalHosts = ()
    """Services whose requests stay in the caller's cluster: full names, or `*.` and the end of them."""
    discovery_selectors: DiscoverySelectors = ()
    """The namespaces that istiods discover beside those of the fleet, by their labels; all when left out."""
    dns_capture: Annotated[bool | None, Given, NotNull()] = None
    """Whether sidecars answer DNS queries of their workloads for every host of the mesh."""
