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
    400: ("BadRequest", "the request is refused: %LOCAL_REPLY_BODY%"),
    401: ("Unauthorized", ""),
    403: ("Forbidden", ""),
    404: ("NotFound", f'no cluster "{_CLUSTER}" is behind this portal; paths begin with /clusters/NAME/'),
    408: ("Timeout", ""),
    413: ("RequestEntityTooLarge", ""),
    429: ("TooManyRequests", ""),
    431: ("BadRequest", "the headers are too large"),
    500: ("InternalError", ""),
    502: ("InternalError", f'cluster "{_CLUSTER}" gave no answer that can be read: %LOCAL_REPLY_BODY%'),
    503: ("ServiceUnavailable", f'cluster "{_CLUSTER}" is not reachable: %LOCAL_REPLY_BODY%'),
    504: ("Timeout", f'cluster "{_CLUSTER}" did not answer in time'),
}


def replies() -> dict[str, Any]:
    """The `local_reply_config`: a body for each code."""
    selected = [_mapper(_code(code), code, reason, message) for code, (reason, message) in _REPLIES.items()]
    return {"mappers": [_foreign_token(), _full(), *selected]}


def _foreign_token() -> dict[str, Any]:
    """Envoy has 403 for a token of another audience, which API servers take for one they do not know: 401.

    Such a request has met the first script, and was not refused by the second, which says so.
    """
    met = {"metadata_filter": {"matcher": _left("path", {"present_match": True}), "match_if_key_not_found": False}}
    refused = {"metadata_filter": {"matcher": _left("refused", {"bool_match": False}), "match_if_key_not_found": True}}
    selected = {"and_filter": {"filters": [_code(403), met, refused]}}
    return _mapper(selected, 401, *_REPLIES[401]) | {"status_code": 401}


def _full() -> dict[str, Any]:
    """Envoy has 503 for more than it may have open to a cluster, which clients would not try again."""
    selected = {"response_flag_filter": {"flags": ["UO"]}}
    message = f'cluster "{_CLUSTER}" has as many open requests through this portal as it may have'
    later = {"header": {"key": "retry-after", "value": "1"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    return _mapper(selected, 429, _REPLIES[429][0], message) | {"status_code": 429, "headers_to_add": [later]}


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
