"""A client of an API server, made from a kubeconfig: every request bounded, every answer looked at before it is used.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import ipaddress
import json
import ssl
import threading
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

import httpx2
import msgspec
from lightkube import Client
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster, Context, User

from meshfleet.errors import RefusedError, UnreachableError
from meshfleet.errors.causes import Cause, printable
from meshfleet.kube.access import Access, read_access
from meshfleet.kube.credentials import Credentials, credentials
from meshfleet.kube.decoders import prepare_decoders
from meshfleet.kube.transport import LIMIT, SECONDS, BoundedTransport, Upgraded, server_of
from meshfleet.redaction.secret_text import without_secrets
from meshfleet.redaction.shown import one_line

_SHOWN: Final = 200


class _Metadata(msgspec.Struct):
    name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: list[str] | None = None
    resourceVersion: str | None = None  # noqa: N815 - Kubernetes' name
    deletionTimestamp: str | None = None  # noqa: N815
    generation: int | None = None
    next_part: str | None = msgspec.field(name="continue", default=None)


class _Item(msgspec.Struct):
    metadata: _Metadata | None = None
    spec: dict[str, msgspec.Raw] | None = None


class _Resource(msgspec.Struct):
    name: str
    kind: str
    namespaced: bool = False


class _Answer(msgspec.Struct):
    """What all that an API server answers has in common: objects, lists, tables of kinds."""

    kind: str | None = None
    metadata: _Metadata | None = None
    items: list[_Item] | None = None
    resources: list[_Resource] | None = None


class _Status(msgspec.Struct):
    kind: str = ""
    message: str | None = None
    reason: str | None = None


# Each has decoded once, in the one thread that imports this: two first decodes at once, in two threads, end the
# interpreter (meshfleet/kube/decoders.py).
_ANSWER: Final = msgspec.json.Decoder(_Answer)
_STATUS: Final = msgspec.json.Decoder(_Status)
_ANSWER.decode(b'{"metadata": {}, "items": [{"metadata": {}, "spec": {}}], "resources": [{"name": "", "kind": ""}]}')
_STATUS.decode(b"{}")


class ClusterTransport(httpx2.BaseTransport):
    """Requests to one API server, with the credentials of a kubeconfig.

    Raises UnreachableError for whatever is no response of an API server. An error status always comes with a Status
    object in its body, made if need be, so that the client library can read it.
    """

    def __init__(self, access: Access, *, seconds: float = SECONDS, limit: int = LIMIT) -> None:
        self._access = access
        self._bounds: dict[str, Any] = {"seconds": seconds, "limit": limit}
        self._lock = threading.Lock()
        self._credentials: Credentials | None = None
        self._transport: BoundedTransport | None = None
        self._certificate: tuple[bytes, bytes] | None = None

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it with credentials that are fresh; once more with new ones where the server does not accept them."""
        response = self.page(request)
        if not response.is_success:
            return _refused(request, response)
        if request.url.params.get("watch") != "true":
            _require_answer(request, response)
        return response

    def page(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request whose answer need not be an API object, as that of a pod or its log: the whole answer."""
        response = self._prepare(request, renew=False).handle_request(request)
        if self._worth_renewing(response):
            response = self._prepare(request, renew=True).handle_request(request)
        return response

    def upgrade(self, request: httpx2.Request) -> Upgraded:
        """Send a request to switch protocols. Raises UnreachableError, and RefusedError for an error status."""
        found = self._prepare(request, renew=False).upgrade(request)
        if isinstance(found, httpx2.Response) and self._worth_renewing(found):
            found = self._prepare(request, renew=True).upgrade(request)
        if not isinstance(found, httpx2.Response):
            return found
        if found.is_success:
            detail = f"HTTP {found.status_code} where the protocol was to be switched"
            raise UnreachableError(server_of(request), Cause.NOT_AN_API_SERVER, detail)
        raise refusal(request, found)

    def close(self) -> None:
        """Close its connections."""
        if self._transport:
            self._transport.close()

    def _worth_renewing(self, response: httpx2.Response) -> bool:
        return response.status_code == 401 and ("exec" in self._access.user or "tokenFile" in self._access.user)

    def _prepare(self, request: httpx2.Request, *, renew: bool) -> BoundedTransport:
        transport, held = self._ready(renew=renew)
        for name in {name for name, _ in held.headers}:
            request.headers.pop(name, None)
        request.headers = httpx2.Headers([*request.headers.multi_items(), *held.headers])
        return transport

    def _ready(self, *, renew: bool) -> tuple[BoundedTransport, Credentials]:
        with self._lock:
            held = self._credentials
            if held is None or renew or not held.fresh:
                held = self._credentials = credentials(self._access)
            if self._transport is None or held.certificate != self._certificate:
                self._certificate = held.certificate
                self._transport = BoundedTransport(
                    _tls(self._access, held),
                    server_name=self._access.cluster.get("tls-server-name"),
                    proxy=self._access.cluster.get("proxy-url") or environment_proxy(self._access.server),
                    **self._bounds,
                )
            return self._transport, held


def connect_to(access: Access, *, seconds: float = SECONDS, limit: int = LIMIT, **options: Any) -> Client:
    """A client of lightkube with these bounds; `options` are of its constructor (`dry_run`, `field_manager`)."""
    prepare_decoders()
    # Everything about TLS and credentials is the transport's; the library would read files and the environment.
    config = SingleConfig("chosen", Context("chosen"), Cluster(access.server, insecure=True), User())
    timeout = httpx2.Timeout(seconds)
    transport = ClusterTransport(access, seconds=seconds, limit=limit)
    return Client(config, timeout=timeout, trust_env=False, transport=transport, **options)


def http_client(access: Access, *, seconds: float = SECONDS, limit: int = LIMIT) -> httpx2.Client:
    """An HTTP client for paths of the API server, for what lightkube has no call for; the same bounds and errors."""
    transport = ClusterTransport(access, seconds=seconds, limit=limit)
    return httpx2.Client(base_url=access.server, transport=transport, trust_env=False, timeout=httpx2.Timeout(seconds))


def connect(kubeconfig: str, context: str | None = None, *, folder: Path | None = None, **options: Any) -> Client:
    """A client for the cluster of a kubeconfig text; `context` chooses one where there are several.

    Raises KubeconfigError when the text is no kubeconfig, has no such context, or asks for what is not supported.
    Nothing is sent yet.
    """
    return connect_to(read_access(kubeconfig, context, folder), **options)


def environment_proxy(server: str) -> str | None:
    """The proxy that the environment names for a server, as Go programs choose it: never for this machine itself.

    Source: https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
    """
    parts = urlsplit(server)
    proxies = getproxies_environment()
    proxy, host = proxies.get(parts.scheme), parts.hostname or ""
    if not proxy or host == "localhost" or _address(host, loopback=True) or _exempt(host, proxies.get("no", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _exempt(host: str, exceptions: str) -> bool:
    for entry in (entry.strip().lower() for entry in exceptions.split(",")):
        name = entry.removeprefix("*").rpartition(":")[0] if entry.count(":") == 1 else entry.removeprefix("*")
        if entry == "*" or (name and (host == name.removeprefix(".") or host.endswith(f".{name.removeprefix('.')}"))):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False):
                return True
        except ValueError:
            continue
    return False


def _address(host: str, *, loopback: bool) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback is loopback
    except ValueError:
        return False


def _tls(access: Access, held: Credentials) -> ssl.SSLContext | None:
    return access.tls(held.certificate) if access.server.startswith("https://") else None


def _require_answer(request: httpx2.Request, response: httpx2.Response) -> None:
    try:
        answer = _ANSWER.decode(response.content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        kind = one_line(response.headers.get("Content-Type", ""))[:60] or "no content type"
        raise UnreachableError(
            server_of(request), Cause.NOT_AN_API_SERVER, f"HTTP {response.status_code} with {kind}, not an API object"
        ) from None
    if answer.metadata and answer.metadata.next_part and "limit" not in request.url.params:
        # Without a limit an API server answers with the whole list; parts without end would have no bound.
        raise UnreachableError(server_of(request), Cause.NOT_AN_API_SERVER, "part of a list that was to be whole")


def status_kind(response: httpx2.Response) -> str:
    """The kind of the object in a response, `Status` for what an API server answers itself; empty without one."""
    try:
        return _STATUS.decode(response.content).kind
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def refusal(request: httpx2.Request, response: httpx2.Response) -> RefusedError:
    """The error for an error status. Raises UnreachableError for a web page, which comes from no API server."""
    status = _status_of(request, response)
    return RefusedError(printable(without_secrets(status.message or "")), response.status_code, status.reason or "")


def _refused(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
    """The response with a Status that can be read and shown; what is a web page comes from no API server."""
    code, status = response.status_code, _status_of(request, response)
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "message": printable(without_secrets(status.message or "")),
        "reason": status.reason,
    }
    return httpx2.Response(code, headers={"Content-Type": "application/json"}, content=json.dumps(body))


def _status_of(request: httpx2.Request, response: httpx2.Response) -> _Status:
    code = response.status_code
    try:
        status = _STATUS.decode(response.content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        status = _Status()
    if status.kind != "Status":
        kind = response.headers.get("Content-Type", "")
        if kind.startswith("text/html") and code not in (401, 403):
            raise UnreachableError(server_of(request), Cause.NOT_AN_API_SERVER, f"HTTP {code} with a web page")
        # Of a group that it does not know an API server says so in plain text.
        text = "" if kind.startswith("text/html") else response.content[: 4 * _SHOWN].decode("utf-8", "replace")
        status = _Status("Status", one_line(" ".join(text.split()))[:_SHOWN] or f"HTTP {code}")
    return _Status(status.kind, status.message or f"HTTP {code}", one_line(status.reason or ""))
