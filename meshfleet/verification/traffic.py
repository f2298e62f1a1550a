"""Real requests: sent from the network namespace of a pod, through its proxy, to a workload.

The workloads are Istio's echo servers, which respond with their cluster, their version and the headers of the request
(pkg/test/echo/server/endpoint/http.go of istio/istio).
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat

from meshfleet.dataplane.network.namespaces import inside, threads_in
from meshfleet.errors import UnreachableError, VerificationError
from meshfleet.kube.transport import get
from meshfleet.processes.waiting import NotYetError, wait_until

AT_ONCE = 32
"""Requests under way at the same moment."""
CLOSING = "headers=Connection:close"
"""Makes an echo server close the connection to its proxy after the response. It also closes connections that were idle
for five seconds, and a request that the proxy sends at that moment is lost: by the application, not by the mesh."""
QUERY = f"delay=20ms&{CLOSING}"
"""Makes it respond that much later too, so that requests sent at once are at once under way."""
ENOUGH = 3
"""Stop after this many requests without a response: more would show the same, and each may take seconds."""
ANSWER_SECONDS = 3.0
"""Timeout of one request; a thousand times its usual duration."""
_LONGEST_FAULT = 300
"""Maximum length of an error in characters: Envoy reports the TLS error at the end."""
_LARGEST = 4 * 1024 * 1024
"""Maximum size of a response in bytes: an echo server returns little more than the request."""
_LINE = re.compile(r"^(Cluster|ServiceVersion|RequestHeader)=(.*)$", re.MULTILINE)
_PEER = re.compile(r"(?:^|[;,])URI=(spiffe://[^;,\"]+)")


@dataclass(frozen=True)
class Reply:
    """The response to one request; `code` is 0 without one. `peer` is the caller's identity as seen by the server."""

    code: int
    cluster: str = ""
    version: str = ""
    peer: str = ""
    fault: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Target:
    """The target of requests: the address and port of a Service or a pod, the Host header, a path without a query."""

    address: str
    port: int
    host: str
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)


def send(namespace: str, target: Target, count: int, seconds: float) -> list[Reply]:
    """Send `count` requests from a network namespace, some at once; each takes at most `seconds`.

    A proxy keeps its connections: of requests that follow each other all may take one, and a gateway leads all that
    comes on one connection to one pod. Each request that is under way takes one of its own, so many are at once.
    Stops early after a few requests without a response. Raises NetworkError when there is no such namespace.
    """
    replies: list[Reply] = []
    target = replace(target, path=f"{target.path}?{QUERY}")
    with threads_in(namespace, AT_ONCE, "requests") as pool:
        while len(replies) < count and sum(one.code == 0 for one in replies) < ENOUGH:
            together = min(AT_ONCE, count - len(replies))
            replies += pool.map(request, repeat(target, together), repeat(seconds, together))
    return replies


def request(target: Target, seconds: float) -> Reply:
    """Send one request on a new connection, from the network namespace of the calling thread."""
    begun = time.monotonic()
    try:
        page = get(
            f"http://{target.address}:{target.port}{target.path}",
            seconds=seconds,
            limit=_LARGEST,
            headers={"Host": target.host, **target.headers},
        )
    except UnreachableError as error:
        fault = f"{error.cause}{f' ({error.detail})' if error.detail else ''}"
        return Reply(0, fault=fault, seconds=time.monotonic() - begun)
    return reply(page.status, page.text, time.monotonic() - begun)


def wait_for_reply(namespace: str, target: Target, seconds: float, version: str = "") -> Reply:
    """Retry a request from a network namespace until it succeeds, from `version` if one is given; return the response.

    Raises VerificationError with the last reply if none succeeds in time, NetworkError without such a namespace.
    """

    def once() -> Reply:
        found = inside(namespace, lambda: request(target, seconds))
        if found.code != 200:
            raise NotYetError(f"{found.code or 'no response'} ({found.fault})")
        if version not in ("", found.version):
            raise NotYetError(f"a response from version {found.version or 'unknown'}")
        return found

    return wait_until(
        once,
        f"a response from {target.host}",
        seconds,
        "check that the called workload is healthy",
        failure=VerificationError,
    )


def reply(code: int, body: str, seconds: float = 0.0) -> Reply:
    """Parse a response. Pure."""
    if code != 200:
        return Reply(code, fault=" ".join(body.split())[:_LONGEST_FAULT] or f"HTTP {code}", seconds=seconds)
    found = {"Cluster": "", "ServiceVersion": "", "RequestHeader": ""}
    for key, value in _LINE.findall(body):
        if key != "RequestHeader":
            found[key] = value.strip()
        elif value.lower().startswith("x-forwarded-client-cert:"):
            found[key] = value
    peer = _PEER.search(found["RequestHeader"])
    return Reply(code, found["Cluster"], found["ServiceVersion"], peer.group(1) if peer else "", seconds=seconds)


def summarize(replies: Sequence[Reply]) -> str:
    """The number of responses from each cluster, and the most frequent failures, in one line."""
    good = Counter(one.cluster for one in replies if one.code == 200)
    bad = Counter(f"{one.code or 'no response'} ({one.fault})" for one in replies if one.code != 200)
    lines = [f"{cluster} {number}" for cluster, number in sorted(good.items())]
    return ", ".join([*lines, *(f"{number} times {fault}" for fault, number in bad.most_common(3))])
