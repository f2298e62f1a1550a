"""What runs in pods, reached through the API server: commands in their containers, their logs, their HTTP ports.

Only the API server has to be reachable, with the credentials of the kubeconfig. All is bounded in time and size.
Sources: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Operations and
https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import httpx2

from meshfleet.errors import UnreachableError
from meshfleet.errors.causes import Cause
from meshfleet.kube.access import Access
from meshfleet.kube.client import ClusterTransport, refusal, status_kind
from meshfleet.kube.exec_stream import PROTOCOLS, ExecStream, Executed
from meshfleet.kube.transport import LIMIT, SECONDS, Page, Upgraded

_LOG_LINES: Final = 2000


@dataclass(frozen=True)
class Container:
    """A container of a pod."""

    namespace: str
    pod: str
    name: str


class PodRequests:
    """Requests to pods of one cluster; each takes at most `seconds`, and returns at most `limit` bytes."""

    def __init__(self, access: Access, *, seconds: float = SECONDS, limit: int = LIMIT) -> None:
        self._base = access.server.rstrip("/")
        self._limit = limit
        self._transport = ClusterTransport(access, seconds=seconds, limit=limit)

    def __enter__(self) -> PodRequests:
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def execute(self, container: Container, command: Sequence[str]) -> Executed:
        """Run a command in a container, without input.

        Raises RefusedError where the API server does not allow it or the command cannot be started, UnreachableError,
        and ClusterError when its output is too large or ends without its exit status.
        """
        parameters = [("container", container.name), ("stdout", "true"), ("stderr", "true")]
        request = httpx2.Request(
            "GET",
            self._url(container.namespace, container.pod, "exec"),
            params=[*parameters, *(("command", one) for one in command)],
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode("ascii"),
                "Sec-WebSocket-Protocol": ", ".join(PROTOCOLS),
            },
        )
        stream = self._transport.upgrade(request)
        try:
            return _ended(stream, self._limit)
        finally:
            stream.close()

    def log(self, container: Container, *, limit: int) -> str:
        """The last lines of a container's log, of `limit` bytes at most. Raises RefusedError, UnreachableError."""
        parameters = {"container": container.name, "tailLines": str(_LOG_LINES)}
        request = httpx2.Request("GET", self._url(container.namespace, container.pod, "log"), params=parameters)
        response = self._transport.page(request)
        if not response.is_success:
            raise refusal(request, response)
        return response.content[-limit:].decode("utf-8", "replace")

    def get(self, namespace: str, pod: str, port: int, path: str) -> Page:
        """GET a page from a port of a pod, in clear text, sent by the API server itself.

        Raises RefusedError where the API server answers in the pod's place: it does not allow this, or did not get an
        answer from the pod. Raises UnreachableError.
        """
        url = f"{self._url(namespace, f'http:{pod}:{port}', 'proxy')}{path}"
        request = httpx2.Request("GET", url)
        response = self._transport.page(request)
        if not response.is_success and status_kind(response) == "Status":
            raise refusal(request, response)
        return Page(response.status_code, response.content.decode("utf-8", "replace"))

    def _url(self, namespace: str, pod: str, subresource: str) -> str:
        return f"{self._base}/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod, safe=':')}/{subresource}"


def _ended(stream: Upgraded, limit: int) -> Executed:
    chosen = stream.headers.get("Sec-WebSocket-Protocol", "")
    if chosen not in PROTOCOLS:
        raise UnreachableError(stream.server, Cause.NOT_AN_API_SERVER, "another protocol than that of exec")
    received = ExecStream(limit)
    while received.ended is None:
        if answer := received.receive(stream.read()):
            stream.write(answer)
    return received.ended
