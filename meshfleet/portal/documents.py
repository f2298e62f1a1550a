"""The files that an Envoy needs to be the portal, each a document: who runs it writes them and starts Envoy.

All but `bootstrap.json` are read again when another file takes their place: a cluster or a user that comes or goes
breaks no stream. Source: https://www.envoyproxy.io/docs/envoy/latest/start/quick-start/configuration-dynamic-filesystem
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from meshfleet.portal.bounds import CONNECTIONS
from meshfleet.portal.listener import IDENTITY, REQUESTS, digest, listener_version, listeners
from meshfleet.portal.script import identity
from meshfleet.portal.spec import Member, PortalSpec
from meshfleet.portal.upstreams import upstream, upstreams

BOOTSTRAP: Final = "bootstrap.json"
_LUA: Final = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.LuaPerRoute"
_CONNECTIONS: Final = (
    "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
)
_NEVER: Final = "0s"


def documents(spec: PortalSpec, directory: str) -> dict[str, dict[str, Any]]:
    """File name in `directory` → document; none of them holds a secret."""
    return {
        BOOTSTRAP: _bootstrap(directory),
        "listeners.json": _resources(listeners(spec, directory)),
        "clusters.json": _resources(upstreams(spec, directory)),
        "routes.json": _resources([_routes(spec, digest([_routes(spec, "")]))]),
    }


def ready(spec: PortalSpec, directory: str) -> str:
    """What `/readyz` says once these documents are in force: Envoy keeps what it had where it rejects one."""
    return f"ok {listener_version(spec, directory)} {digest([_routes(spec, '')])}"


def token_document(token: str) -> dict[str, Any]:
    """The portal's account in a cluster, for `tokens/NAME.json`; secret as a whole."""
    return _secret("token", {"generic_secret": {"secret": {"inline_string": token}}})


def serving_document(certificate: str, key: str) -> dict[str, Any]:
    """The portal's own certificate and key in PEM, for `serving.json`; secret as a whole."""
    pair = {"certificate_chain": {"inline_string": certificate}, "private_key": {"inline_string": key}}
    return _secret("serving", {"tls_certificate": pair})


def _secret(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    kind = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
    return _resources([{"@type": kind, "name": name, **content}])


def _resources(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """What a file holds that Envoy watches; its version follows from its content."""
    return {"version_info": digest(resources), "resources": resources}


def _bootstrap(directory: str) -> dict[str, Any]:
    def source(name: str) -> dict[str, Any]:
        return {"path_config_source": {"path": f"{directory}/{name}"}, "resource_api_version": "V3"}

    # No admin interface: whoever reaches it can end the process and read its configuration.
    return {
        "node": {"id": "portal", "cluster": "meshfleet"},
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {"@type": _CONNECTIONS, "max_active_downstream_connections": CONNECTIONS},
                }
            ]
        },
        "dynamic_resources": {"lds_config": source("listeners.json"), "cds_config": source("clusters.json")},
    }


def _routes(spec: PortalSpec, version: str) -> dict[str, Any]:
    routes = [route for member in spec.members for route in _member_routes(spec, member)]
    # The first script answers, with the version that it finds here.
    metadata = {"filter_metadata": {REQUESTS: {"version": version}}}
    readiness = {"match": {"path": "/readyz"}, "direct_response": {"status": 200}, "metadata": metadata}
    unknown = {"match": {"prefix": "/"}, "direct_response": {"status": 404}}
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": "portal",
        "virtual_hosts": [{"name": "portal", "domains": ["*"], "routes": [readiness, *routes, unknown]}],
        "request_headers_to_remove": ["x-envoy-external-address"],
        # What the sender says of other addresses would be the source in the audit of a cluster.
        "request_headers_to_add": [
            {
                "header": {"key": "x-forwarded-for", "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }


def _member_routes(spec: PortalSpec, member: Member) -> list[dict[str, Any]]:
    address = member.address
    host = f"[{address.certified}]" if ":" in address.certified else address.certified
    action = {
        "cluster": upstream(member.name),
        "prefix_rewrite": "/",
        "host_rewrite_literal": f"{host}:{address.port}",
        "timeout": _NEVER,
        "idle_timeout": _NEVER,
        # Of these the cluster has seen nothing.
        "retry_policy": {"retry_on": "refused-stream", "num_retries": 1},
    }
    script = {IDENTITY: {"@type": _LUA, "source_code": {"inline_string": identity(spec, member.name, member.subjects)}}}
    path = f"/clusters/{member.name}"
    return [
        {"match": match, "route": action, "typed_per_filter_config": script}
        for match in ({"path": path}, {"prefix": f"{path}/"})
    ]
