"""What the portal answers by itself: a Status of Kubernetes, which every client prints.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ and
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/local_reply
"""

from __future__ import annotations

from typing import Any, Final

AUDIT: Final = "meshfleet.portal"
"""Where the scripts leave what the audit line has: cluster, user, groups."""
_CLUSTER: Final = f"%DYNAMIC_METADATA({AUDIT}:cluster)%"
# Code -> reason, and the message where Envoy's own says too little.
# https://pkg.go.dev/k8s.io/apimachinery/pkg/apis/meta/v1#StatusReason
_REPLIES: Final = {
    # What Envoy cannot read, or reads in two ways, and says nothing of.
    400: (
        "BadRequest",
        "the request is not HTTP as the portal reads it (%RESPONSE_CODE_DETAILS%); send it with Host, and without "
        "underscores in the names of headers",
    ),
    401: ("Unauthorized", ""),
    # Before the first script there is one reason.
    403: ("Forbidden", "the portal upgrades to websocket and SPDY/3.1 alone"),
    404: ("NotFound", f'no cluster "{_CLUSTER}" is behind this portal; paths begin with /clusters/NAME/'),
    408: ("Timeout", ""),
    413: ("RequestEntityTooLarge", ""),
    426: ("BadRequest", "HTTP/1.0 is not taken; use HTTP/1.1 or HTTP/2"),
    429: ("TooManyRequests", ""),
    431: ("BadRequest", "the headers are too large"),
    500: ("InternalError", ""),
    501: ("BadRequest", "the Transfer-Encoding is not taken; send the body chunked, or with Content-Length"),
    502: ("InternalError", f'cluster "{_CLUSTER}" returned no readable response: %LOCAL_REPLY_BODY%'),
    503: ("ServiceUnavailable", f'cluster "{_CLUSTER}" is not reachable: %LOCAL_REPLY_BODY%'),
    504: ("Timeout", f'cluster "{_CLUSTER}" did not respond in time'),
}

# The same of requests that have met the first script.
_OF_SCRIPTS: Final = {400: ("BadRequest", "the request is refused: %LOCAL_REPLY_BODY%"), 403: ("Forbidden", "")}


def replies() -> dict[str, Any]:
    """The `local_reply_config`: a body for each code."""
    selected = [_mapper(_code(code), code, reason, message) for code, (reason, message) in _REPLIES.items()]
    met = [_mapper(_all(_code(code), _met()), code, reason, message) for code, (reason, message) in _OF_SCRIPTS.items()]
    return {"mappers": [_foreign_token(), _full(), *met, *selected]}


def _foreign_token() -> dict[str, Any]:
    """Envoy has 403 for a token of another audience, which API servers take for one they do not know: 401.

    Such a request has met the first script, and was not refused by the second, which says so.
    """
    refused = {"metadata_filter": {"matcher": _left("refused", {"bool_match": False}), "match_if_key_not_found": True}}
    return _mapper(_all(_code(403), _met(), refused), 401, *_REPLIES[401]) | {"status_code": 401}


def _full() -> dict[str, Any]:
    """Envoy has 503 for more than it may have open to a cluster, which clients would not try again."""
    selected = {"response_flag_filter": {"flags": ["UO"]}}
    message = f'cluster "{_CLUSTER}" has as many open requests through this portal as it may have'
    later = {"header": {"key": "retry-after", "value": "1"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    return _mapper(selected, 429, _REPLIES[429][0], message) | {"status_code": 429, "headers_to_add": [later]}


def _met() -> dict[str, Any]:
    return {"metadata_filter": {"matcher": _left("path", {"present_match": True}), "match_if_key_not_found": False}}


def _all(*filters: dict[str, Any]) -> dict[str, Any]:
    return {"and_filter": {"filters": list(filters)}}


def _left(key: str, value: dict[str, bool]) -> dict[str, Any]:
    return {"filter": AUDIT, "path": [{"key": key}], "value": value}


def _code(code: int) -> dict[str, Any]:
    compared = {"op": "EQ", "value": {"default_value": code, "runtime_key": f"portal.reply.{code}"}}
    return {"status_code_filter": {"comparison": compared}}


def _mapper(selected: dict[str, Any], code: int, reason: str, message: str) -> dict[str, Any]:
    return {
        "filter": selected,
        "body_format_override": {
            "json_format": {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": message or "%LOCAL_REPLY_BODY%",
                "reason": reason,
                "code": code,
            }
        },
    }
