"""The API servers behind the portal, and its own account that each of them knows.

Source: https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/credential_injector_filter
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from meshfleet.portal.bounds import CONNECTIONS_BY_CLUSTER, OPEN_BY_CLUSTER, PENDING_BY_CLUSTER
from meshfleet.portal.listener import HOST_KEYS, file_source, keys_cluster
from meshfleet.portal.spec import Address, PortalSpec

_TYPE: Final = "type.googleapis.com/envoy.extensions"

KEY_READER: Final = "(host)"
"""Whose file the account has with which the host's keys are read; no cluster has that name."""


def upstream(cluster: str) -> str:
    """The Envoy cluster of a member."""
    return f"clusters/{cluster}"


def upstreams(spec: PortalSpec, directory: str) -> list[dict[str, Any]]:
    """An Envoy cluster for each member, and for each place that keys are read from."""
    found = [_upstream(upstream(one.name), one.address, f"{directory}/tokens/{one.name}.json") for one in spec.members]
    if accounts := spec.host_accounts:
        found.append(_upstream(HOST_KEYS, accounts.address, f"{directory}/tokens/{KEY_READER}.json"))
    for name, provider in spec.oidc.items():
        if not provider.jwks:
            at = urlsplit(provider.jwks_uri)
            address = Address(at.hostname or "", at.port or 443, provider.authority)
            found.append(_upstream(keys_cluster(name), address, ""))
    return found


def _upstream(name: str, address: Address, token: str) -> dict[str, Any]:
    endpoint = {"address": {"socket_address": {"address": address.host, "port_value": address.port}}}
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC" if address.is_ip else "STRICT_DNS",
        "connect_timeout": "3s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}]},
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": CONNECTIONS_BY_CLUSTER,
                    "max_pending_requests": PENDING_BY_CLUSTER,
                    "max_requests": OPEN_BY_CLUSTER,
                    "max_retries": 100,
                }
            ]
        },
        "upstream_connection_options": {
            "tcp_keepalive": {"keepalive_time": 30, "keepalive_interval": 10, "keepalive_probes": 3}
        },
        "transport_socket": {"name": "tls", "typed_config": _tls(address)},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": _protocols(token)
        },
    }


def _tls(address: Address) -> dict[str, Any]:
    trusted = (
        {"inline_string": address.authority}
        if address.authority
        else {"filename": "/etc/ssl/certs/ca-certificates.crt"}
    )
    kind = "IP_ADDRESS" if address.certified_ip else "DNS"
    context: dict[str, Any] = {
        "@type": f"{_TYPE}.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": {
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "validation_context": {
                "trusted_ca": trusted,
                "match_typed_subject_alt_names": [{"san_type": kind, "matcher": {"exact": address.certified}}],
            },
        },
    }
    return context if address.certified_ip else context | {"sni": address.certified}


def _protocols(token: str) -> dict[str, Any]:
    options: dict[str, Any] = {"@type": f"{_TYPE}.upstreams.http.v3.HttpProtocolOptions"}
    if not token:
        return options | {"explicit_http_config": {"http_protocol_options": {}}}
    keepalive = {"connection_keepalive": {"interval": "30s", "timeout": "10s"}}
    # What upgrades is HTTP/1.1 on both sides; the rest shares connections.
    both = {"http_protocol_options": {}, "http2_protocol_options": keepalive}
    return options | {
        "use_downstream_protocol_config": both,
        "http_filters": [
            {"name": "envoy.filters.http.credential_injector", "typed_config": _own_account(token)},
            {
                "name": "envoy.filters.http.upstream_codec",
                "typed_config": {"@type": f"{_TYPE}.filters.http.upstream_codec.v3.UpstreamCodec"},
            },
        ],
    }


def _own_account(token: str) -> dict[str, Any]:
    return {
        "@type": f"{_TYPE}.filters.http.credential_injector.v3.CredentialInjector",
        "overwrite": True,
        "credential": {
            "name": "envoy.http.injected_credentials.generic",
            "typed_config": {
                "@type": f"{_TYPE}.http.injected_credentials.generic.v3.Generic",
                "credential": {"name": "token", "sds_config": file_source(token)},
                "header_value_prefix": "Bearer ",
            },
        },
    }
