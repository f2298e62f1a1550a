"""Where an Envoy sends the requests for a Service, by its admin API: the endpoints, their requests, and whether by TLS.

Pure. Sources: https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--clusters and #get--config_dump, and
https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto (transport_socket_matches)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from meshfleet.errors import VerificationError
from meshfleet.files.json_text import parse_json
from meshfleet.redaction.shown import one_line

CLUSTERS: Final = "clusters?format=json"
_TLS: Final = "UpstreamTlsContext"
_MATCH: Final = "envoy.transport_socket_match"


@dataclass(frozen=True, order=True)
class Upstream:
    """An endpoint of a Service in an Envoy: its address, its requests so far, and whether Envoy connects by TLS."""

    address: str
    port: int
    requests: int
    tls: bool


def cluster_name(host: str, port: int) -> str:
    """The name of Envoy's cluster for a Service without subsets."""
    return f"outbound|{port}||{host}"


def config_dump(host: str, port: int) -> str:
    """The path of the configuration of that cluster and its endpoints alone."""
    return f"config_dump?include_eds&name_regex={quote(re.escape(cluster_name(host, port)), safe='')}"


def printed_json(text: str) -> Any:
    """The JSON that pilot-agent prints, behind its own log lines. Raises VerificationError."""
    start = text.find("{")
    try:
        return parse_json(text[start:] if start >= 0 else "")
    except ValueError as error:
        raise VerificationError(f"Envoy's admin API returned no JSON: {one_line(text.strip())[:200]}") from error


def upstreams(clusters: Any, dump: Any, host: str, port: int) -> tuple[Upstream, ...]:
    """The endpoints of a Service. Raises VerificationError for another structure, and if Envoy does not know it."""
    name = cluster_name(host, port)
    try:
        statuses = [one for one in clusters["cluster_statuses"] if one["name"] == name]
        secured = set(_secured(dump, name))
        found = [
            Upstream(*_socket(one), requests=_requests(one), tls=_socket(one) in secured)
            for status in statuses
            for one in status.get("host_statuses", ())
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise VerificationError("Envoy's admin API returned another structure than it documents") from error
    if not statuses:
        raise VerificationError(f"the proxy does not know {host}:{port}")
    return tuple(sorted(found))


def _secured(dump: Any, name: str) -> Iterator[tuple[str, int]]:
    """The endpoints that Envoy connects to by TLS."""
    sections = dump["configs"]
    clusters = [one["cluster"] for section in sections for one in section.get("dynamic_active_clusters", ())]
    cluster: Mapping[str, Any] = next((one for one in clusters if one["name"] == name), {})
    for section in sections:
        for entry in section.get("dynamic_endpoint_configs", ()):
            assignment = entry["endpoint_config"]
            if assignment["cluster_name"] != name:
                continue
            for locality in assignment.get("endpoints", ()):
                for endpoint in locality.get("lb_endpoints", ()):
                    metadata = endpoint.get("metadata", {}).get("filter_metadata", {}).get(_MATCH, {})
                    if _is_tls(cluster, metadata):
                        yield _socket(endpoint["endpoint"])


def _is_tls(cluster: Mapping[str, Any], metadata: Mapping[str, Any]) -> bool:
    for one in cluster.get("transport_socket_matches", ()):
        # The first that matches counts.
        if one.get("match", {}).items() <= metadata.items():
            return _socket_is_tls(one["transport_socket"])
    return _socket_is_tls(cluster.get("transport_socket", {}))


def _socket_is_tls(socket: Mapping[str, Any]) -> bool:
    return str(socket.get("typed_config", {}).get("@type", "")).endswith(_TLS)


def _socket(holder: Mapping[str, Any]) -> tuple[str, int]:
    # An endpoint inside of Envoy itself has no socket.
    socket = holder["address"].get("socket_address", {})
    return str(socket.get("address", "")), int(socket.get("port_value", 0))


def _requests(status: Mapping[str, Any]) -> int:
    return next((int(one.get("value", 0)) for one in status.get("stats", ()) if one["name"] == "rq_total"), 0)
