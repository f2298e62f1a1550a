"""Requests that are really sent: from where a pod is, through its proxy, to a workload, and what came back.

The workloads are Istio's echo servers, whose answers say which cluster and version gave them, and repeat the headers
of the request (pkg/test/echo/server/endpoint/http.go of istio/istio).
"""

from __future__ import annotations

import http.client
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from embedded.network.namespaces import inside

_ENOUGH = 3
"""So many without an answer say what hundreds would, and each may take seconds."""
_LINE = re.compile(r"^(Cluster|ServiceVersion|RequestHeader)=(.*)$", re.MULTILINE)
_PEER = re.compile(r"(?:^|[;,])URI=(spiffe://[^;,\"]+)")


@dataclass(frozen=True)
class Reply:
    """What came back of one request: `code` 0 and `fault` where nothing did. `peer` is who the other side saw."""

    code: int
    cluster: str = ""
    version: str = ""
    peer: str = ""
    fault: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Target:
    """Where requests go: the address and port of a Service or a pod, and the host they name."""

    address: str
    port: int
    host: str
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)


def send(namespace: str, target: Target, count: int, seconds: float) -> list[Reply]:
    """Send `count` requests, one after another, from a network namespace; each may take `seconds`.

    None follows on a few that nobody answered. Raises NetworkError when there is no such namespace.
    """

    def ask_all() -> list[Reply]:
        replies: list[Reply] = []
        while len(replies) < count and sum(one.code == 0 for one in replies) < _ENOUGH:
            replies.append(ask(target, seconds))
        return replies

    return inside(namespace, ask_all)


def ask(target: Target, seconds: float) -> Reply:
    """One request on a connection of its own, from where the calling thread is."""
    begun = time.monotonic()
    connection = http.client.HTTPConnection(target.address, target.port, timeout=seconds)
    try:
        connection.request("GET", target.path, headers={"Host": target.host, **target.headers})
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return Reply(0, fault=str(error) or type(error).__name__, seconds=time.monotonic() - begun)
    finally:
        connection.close()
    return reply(answer.status, body, time.monotonic() - begun)


def reply(code: int, body: str, seconds: float = 0.0) -> Reply:
    """What an answer says. Pure."""
    if code != 200:
        return Reply(code, fault=" ".join(body.split())[:240] or f"HTTP {code}", seconds=seconds)
    found = {"Cluster": "", "ServiceVersion": "", "RequestHeader": ""}
    for key, value in _LINE.findall(body):
        if key != "RequestHeader":
            found[key] = value.strip()
        elif value.lower().startswith("x-forwarded-client-cert:"):
            found[key] = value
    peer = _PEER.search(found["RequestHeader"])
    return Reply(code, found["Cluster"], found["ServiceVersion"], peer.group(1) if peer else "", seconds=seconds)


def counted(replies: Sequence[Reply]) -> str:
    """How often each cluster answered, and what went wrong, in one line."""
    good = Counter(one.cluster for one in replies if one.code == 200)
    bad = Counter(f"{one.code or 'no answer'} ({one.fault})" for one in replies if one.code != 200)
    told = [f"{cluster} {number}" for cluster, number in sorted(good.items())]
    return ", ".join([*told, *(f"{number} times {fault}" for fault, number in bad.most_common(3))])
