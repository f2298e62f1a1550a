"""The listener of the portal: TLS, the filters that a request passes in order, and the audit line that it leaves.

Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from meshfleet.portal.bounds import IDLE, STREAMS
from meshfleet.portal.replies import AUDIT, replies
from meshfleet.portal.script import HOST, identity, provider_name, refusals
from meshfleet.portal.spec import OidcProvider, PortalSpec

REQUESTS: Final = "meshfleet.requests"
"""The filter that every request meets first."""
IDENTITY: Final = "meshfleet.identity"
"""The filter that each route gives what is declared for its cluster."""
HOST_KEYS: Final = "keys/host"
"""The Envoy cluster of the API server that has the keys of the host's service accounts."""

_TYPE: Final = "type.googleapis.com/envoy.extensions"
_NEVER: Final = "0s"


def keys_cluster(name: str) -> str:
    """The Envoy cluster that the keys of an OIDC provider are read from."""
    return f"keys/{provider_name(name)}"


def listeners(spec: PortalSpec, directory: str) -> list[dict[str, Any]]:
    """A listener for each address."""
    version = listener_version(spec, directory)
    return [_listener(spec, directory, address, version) for address in spec.addresses]


def listener_version(spec: PortalSpec, directory: str) -> str:
    """What `/readyz` has of the listener that answers it."""
    return digest([_listener(spec, directory, address, "") for address in spec.addresses])


def digest(resources: Sequence[dict[str, Any]]) -> str:
    """The version of resources, which follows from their content."""
    return hashlib.sha256(json.dumps(resources, sort_keys=True).encode()).hexdigest()[:16]


def _listener(spec: PortalSpec, directory: str, address: str, version: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": f"portal/{address}",
        "address": {"socket_address": {"address": address, "port_value": spec.port}},
        "per_connection_buffer_limit_bytes": 1024 * 1024,
        # A sender that is gone without a word keeps no stream open.
        "tcp_keepalive": {"keepalive_time": 30, "keepalive_interval": 10, "keepalive_probes": 3},
        "filter_chains": [
            {
                "transport_socket": {"name": "tls", "typed_config": _tls(spec, directory)},
                "transport_socket_connect_timeout": "10s",
                "filters": [{"name": "http", "typed_config": _connections(spec, directory, version)}],
            }
        ],
    }


def _tls(spec: PortalSpec, directory: str) -> dict[str, Any]:
    common: dict[str, Any] = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificate_sds_secret_configs": [
            {"name": "serving", "sds_config": file_source(f"{directory}/serving.json")}
        ],
    }
    if spec.client_authority:
        common["validation_context"] = {"trusted_ca": {"inline_string": spec.client_authority}}
    return {
        "@type": f"{_TYPE}.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": common,
        # Tokens do as well.
        "require_client_certificate": False,
        # Whoever resumes a session is not asked for a certificate again.
        "disable_stateless_session_resumption": True,
        "disable_stateful_session_resumption": True,
    }


def file_source(path: str) -> dict[str, Any]:
    """A configuration in a file, which is read again when another file takes its place."""
    return {"path_config_source": {"path": path}, "resource_api_version": "V3"}


def _connections(spec: PortalSpec, directory: str, version: str) -> dict[str, Any]:
    return {
        "@type": f"{_TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "portal",
        "codec_type": "AUTO",
        "use_remote_address": True,
        # No address is trusted to say more of a request than another: headers of Envoy's own, the ID of a request.
        "internal_address_config": {},
        "server_header_transformation": "PASS_THROUGH",
        "always_set_request_id_in_response": True,
        # A path is passed on as it came, or refused, by the first script.
        "normalize_path": False,
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "common_http_protocol_options": {
            "headers_with_underscores_action": "REJECT_REQUEST",
            "max_headers_count": 200,
            "idle_timeout": IDLE,
        },
        "http2_protocol_options": {
            "max_concurrent_streams": STREAMS,
            "initial_stream_window_size": 256 * 1024,
            "initial_connection_window_size": 1024 * 1024,
            "connection_keepalive": {"interval": "30s", "timeout": "20s"},
        },
        "request_headers_timeout": "10s",
        # Watches, logs and terminals are as long as they are.
        "stream_idle_timeout": _NEVER,
        "upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "SPDY/3.1"}],
        "rds": {"route_config_name": "portal", "config_source": file_source(f"{directory}/routes.json")},
        "http_filters": [
            _script(REQUESTS, refusals(version)),
            {"name": "envoy.filters.http.jwt_authn", "typed_config": _tokens(spec)},
            _script(IDENTITY, identity(spec)),
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPE}.filters.http.router.v3.Router", "suppress_envoy_headers": True},
            },
        ],
        "local_reply_config": replies(),
        "access_log": [_audit(directory)],
        "access_log_options": {"flush_log_on_tunnel_successfully_established": True},
    }


def _script(name: str, source: str) -> dict[str, Any]:
    return {
        "name": name,
        "typed_config": {
            "@type": f"{_TYPE}.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": source},
            # Routes follow from the path, which no script changes.
            "clear_route_cache": False,
        },
    }


def _tokens(spec: PortalSpec) -> dict[str, Any]:
    providers: dict[str, Any] = {}
    if accounts := spec.host_accounts:
        uri = f"https://{accounts.address.certified}/openid/v1/jwks"
        providers[HOST] = _provider(HOST, accounts.issuer, accounts.audiences) | _remote(uri, HOST_KEYS)
    for name, provider in spec.oidc.items():
        source = provider_name(name)
        providers[source] = _provider(source, provider.issuer, provider.audiences) | _keys(name, provider)
    accepted = [{"provider_name": name} for name in providers]
    tokens: dict[str, Any] = {"@type": f"{_TYPE}.filters.http.jwt_authn.v3.JwtAuthentication", "providers": providers}
    if providers:
        # A token must be good; without one there may be a client certificate, which the script looks at.
        requirement = {"requires_any": {"requirements": [*accepted, {"allow_missing": {}}]}}
        tokens["rules"] = [{"match": {"prefix": "/"}, "requires": requirement}]
    return tokens


def _provider(source: str, issuer: str, audiences: tuple[str, ...]) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "audiences": list(audiences),
        # Otherwise a token in the query would do as well, and the query is passed on.
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
        "forward": False,
        "require_expiration": True,
        "clock_skew_seconds": 10,
        "payload_in_metadata": source,
    }


def _keys(name: str, provider: OidcProvider) -> dict[str, Any]:
    if provider.jwks:
        return {"local_jwks": {"inline_string": provider.jwks}}
    return _remote(provider.jwks_uri, keys_cluster(name))


def _remote(uri: str, cluster: str) -> dict[str, Any]:
    return {
        "remote_jwks": {
            "http_uri": {"uri": uri, "cluster": cluster, "timeout": "5s"},
            "cache_duration": "300s",
            "async_fetch": {"failed_refetch_duration": "1s"},
        }
    }


def _audit(directory: str) -> dict[str, Any]:
    fields = {
        "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
        "event": "%ACCESS_LOG_TYPE%",
        "requestId": "%REQ(X-REQUEST-ID)%",
        "source": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
        "user": f"%DYNAMIC_METADATA({AUDIT}:user)%",
        "groups": f"%DYNAMIC_METADATA({AUDIT}:groups)%",
        "cluster": f"%DYNAMIC_METADATA({AUDIT}:cluster)%",
        "method": "%REQ(:METHOD):20%",
        # Never the query, which may have secrets: commands of exec, tokens.
        "path": f"%DYNAMIC_METADATA({AUDIT}:path)%",
        "upgrade": "%REQ(UPGRADE):20%",
        "code": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "durationMs": "%DURATION%",
    }
    return {
        "name": "audit",
        "typed_config": {
            "@type": f"{_TYPE}.access_loggers.file.v3.FileAccessLog",
            "path": f"{directory}/audit.jsonl",
            "log_format": {"json_format": fields},
        },
    }
