"""A cluster in values: the objects of its API server and the pages of its istiod, however wrong they are.

Every request of the project ends in one transport (kube/transport.py); in place of a network it gets these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import httpx2

from meshfleet.errors import UnreachableError
from meshfleet.errors.causes import Cause
from meshfleet.kube.transport import BoundedTransport

KUBECONFIG = json.dumps(
    {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
)
KINDS = "resources"
"""The part of a world with what discovery answers."""

World = Mapping[str, Any]


@contextmanager
def answering(world: World) -> Iterator[None]:
    """Let every request of this process get what is in `world`.

    Its keys are plurals of kinds, with lists of objects, and `debug/PAGE` for pages of istiod.
    """

    def answer(_: BoundedTransport, request: httpx2.Request) -> httpx2.Response:
        found = _answer(world, request)
        if found is None:
            return _response({"kind": "Status", "status": "Failure", "code": 404, "message": "not found"}, 404)
        return found

    with patch.object(BoundedTransport, "handle_request", answer):
        yield


def _answer(world: World, request: httpx2.Request) -> httpx2.Response | None:
    words = [word for word in request.url.path.split("/") if word]
    whole = "/".join(words)
    if whole in world:
        return _response(world[whole])
    if not words or words[0] not in ("api", "apis"):
        return None
    if len(words) == (2 if words[0] == "api" else 3):
        return _response({"kind": "APIResourceList", "resources": world.get(KINDS, [])})
    if words[-1] in world:
        return _of_a_kind(world[words[-1]], request)
    for plural, name in ((words[-2], words[-1]), (words[-3], words[-2])):
        if plural in world and request.method != "DELETE":
            found = world[plural]
            named = [one for one in found if _name(one) == name] if isinstance(found, list) else [found]
            return _response(named[0]) if named else None
    return _response({"kind": "Status", "status": "Success"}) if request.method == "DELETE" else None


def _of_a_kind(found: Any, request: httpx2.Request) -> httpx2.Response:
    if request.method in ("POST", "PUT", "PATCH"):
        # As a webhook may have changed it.
        return _response(found[0] if isinstance(found, list) and found else found)
    if request.url.params.get("watch") == "true":
        lines = [json.dumps({"type": "MODIFIED", "object": one}) for one in (found if isinstance(found, list) else ())]
        return httpx2.Response(200, content="\n".join(lines).encode())
    return _response({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": found})


def _name(one: Any) -> Any:
    metadata = one.get("metadata") if isinstance(one, dict) else None
    return metadata.get("name") if isinstance(metadata, dict) else None


def _response(value: Any, code: int = 200) -> httpx2.Response:
    try:
        content = json.dumps(value).encode()
    except RecursionError:
        raise UnreachableError("http://127.0.0.1:1", Cause.TOO_LARGE) from None
    return httpx2.Response(code, headers={"Content-Type": "application/json"}, content=content)
