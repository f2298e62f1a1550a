"""Requests that are really sent: from where a pod is, through its proxy, to a workload, and what came back.

The workloads are Istio's echo servers, whose answers say which cluster and version gave them, and repeat the headers
of the request (pkg/test/echo/server/endpoint/http.go of istio/istio).
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from meshfleet.dataplane.network.namespaces import inside
from meshfleet.errors import UnreachableError, VerificationError
from meshfleet.kube.transport import get
from meshfleet.processes.waiting import NotYetError, wait_until

_ENOUGH = 3
"""So many without an answer say what hundreds would, and each may take seconds."""
_LONGEST_FAULT = 300
"""Characters of an answer that is kept of what went wrong: Envoy says at the end what TLS did not like."""
_LARGEST = 4 * 1024 * 1024
"""Bytes of an answer: an echo server repeats the request, and little more."""
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


def answered(namespace: str, target: Target, seconds: float, version: str = "") -> Reply:
    """Ask from a network namespace until a request is answered well, by `version` if one is given; that answer.

    Raises VerificationError with the last reply when none was in `seconds`, NetworkError without such a namespace.
    """

    def once() -> Reply:
        found = inside(namespace, lambda: ask(target, seconds))
        if found.code != 200:
            raise NotYetError(f"{found.code or 'no answer'} ({found.fault})")
        if version not in ("", found.version):
            raise NotYetError(f"an answer of {found.version or 'nobody'}")
        return found

    return wait_until(
        once,
        f"an answer of {target.host}",
        seconds,
        "see whether what is called is healthy",
        failure=VerificationError,
    )


def reply(code: int, body: str, seconds: float = 0.0) -> Reply:
    """What an answer says. Pure."""
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


def counted(replies: Sequence[Reply]) -> str:
    """How often each cluster answered, and what went wrong, in one line."""
    good = Counter(one.cluster for one in replies if one.code == 200)
    bad = Counter(f"{one.code or 'no answer'} ({one.fault})" for one in replies if one.code != 200)
    told = [f"{cluster} {number}" for cluster, number in sorted(good.items())]
    return ", ".join([*told, *(f"{number} times {fault}" for fault, number in bad.most_common(3))])
