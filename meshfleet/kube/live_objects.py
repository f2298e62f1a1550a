"""Objects of any kind as one API server has them, found by what is declared of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from meshfleet.kube.releases.server import JsonObject, Server


def path_of(server: Server, body: Mapping[str, Any]) -> str:
    """The path of an object; empty where the server does not serve its kind. Raises as `Server` does."""
    kind = server.kind(str(body["apiVersion"]), str(body["kind"]))
    described = body["metadata"]
    return f"{kind.collection(str(described.get('namespace') or 'default'))}/{described['name']}" if kind else ""


def live(server: Server, body: Mapping[str, Any]) -> JsonObject | None:
    """The object that is there; None where there is none, or no such kind. Raises as `Server` does."""
    path = path_of(server, body)
    return server.get(path, subject(body)) if path else None


def as_applied(server: Server, body: JsonObject, manager: str) -> JsonObject:
    """The object as it would be if `body` were applied, without applying it. Raises as `Server` does."""
    return server.apply_dry(path_of(server, body), body, subject(body), manager=manager)


def labelled(server: Server, api_version: str, kind: str, labels: str) -> Iterator[JsonObject]:
    """The metadata of all objects of a kind with these labels, wherever they are; of an unknown kind there are none."""
    if found := server.kind(api_version, kind):
        yield from server.metadata(f"{found.path}/{found.plural}", labels, f"the objects of kind {kind}")


def subject(body: Mapping[str, Any]) -> str:
    """An object in words."""
    described = body["metadata"]
    place = f" in {described['namespace']}" if described.get("namespace") else ""
    return f"{body['kind']} {described['name']}{place}"
