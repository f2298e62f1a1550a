"""One API server: its requests, its errors in words, and watching single objects.

Built on lightkube: its kubeconfig handling, its TLS and authentication, its generic resources. What lightkube has
no public call for (discovery, a watch with a read timeout) goes through its HTTP client over the same connections.
All methods may be called from several threads.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
from lightkube import ApiError, Client, KubeConfig
from lightkube.config import client_adapter
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError
from lightkube.types import CascadeType, PatchType

from embedded.decoders import prepare_decoders
from plugins.kubernetes.faults import RefusedError, UnreachableError
from plugins.kubernetes.kinds import Kind
from plugins.kubernetes.settings import Settings, kubeconfig_document
from plugins.kubernetes.values import JsonObject
from topology.errors import ClusterError

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 60.0


class Connection:
    """A connection to the cluster that a provider's settings name.

    Raises ClusterError when the settings name none.
    """

    def __init__(self, settings: Settings) -> None:
        config = _single_config(settings)
        user = config.user or User()  # an API server without authentication
        config = config._replace(user=user)
        self.server = config.cluster.server
        # Proxies from the environment are for the world outside, never for this machine.
        trust_env = not _is_loopback(self.server)
        timeout = httpx2.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)
        transport = None
        if not trust_env:
            context = client_adapter.verify_cluster(config.cluster, user, config.abs_file, trust_env=False)
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=16)  # each wait holds one
            transport = httpx2.HTTPTransport(verify=context, limits=limits, trust_env=False)
        parameters = client_adapter.ConnectionParams(timeout=timeout, trust_env=trust_env, transport=transport)
        self._client = Client(config, timeout=timeout, trust_env=trust_env, transport=transport)
        self._http = client_adapter.Client(config, parameters)

    def fetch(self, path: str, what: str) -> JsonObject:
        """GET of a path that is no object (`/apis/apps/v1`), parsed."""
        with _Told(self.server, what):
            response = self._http.get(path.lstrip("/"))
            if response.status_code >= 400:
                raise RefusedError(
                    f"{self.server} refuses {what}: {response.text.strip()}",
                    response.status_code,
                    "",
                )
            found: JsonObject = response.json()
            return found

    def get(self, kind: Kind, namespace: str | None, name: str) -> JsonObject | None:
        """The live object, or None if there is none by that name."""
        try:
            with _Told(self.server, kind.describe(namespace, name)):
                return dict(self._client.get(kind.resource, name, **_within(kind, namespace)))
        except RefusedError as error:
            if error.code == 404:
                return None
            raise

    def apply(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        body: JsonObject,
        manager: str,
        force: bool,
    ) -> JsonObject:
        """Server-side apply of `body` by field manager `manager`; returns the live object.

        Raises RefusedError with code 409 where another manager holds a field and `force` is false.
        """
        with _Told(self.server, kind.describe(namespace, name)):
            return dict(
                self._client.patch(
                    kind.resource,
                    name,
                    body,
                    patch_type=PatchType.APPLY,
                    field_manager=manager,
                    force=force,
                    **_within(kind, namespace),
                )
            )

    def delete(self, kind: Kind, namespace: str | None, name: str, cascade: str) -> bool:
        """Ask for the object's deletion; False if it is gone already. `cascade`: Foreground, Background or Orphan."""
        try:
            with _Told(self.server, kind.describe(namespace, name)):
                self._client.delete(kind.resource, name, cascade=CascadeType(cascade), **_within(kind, namespace))
        except RefusedError as error:
            if error.code == 404:
                return False
            raise
        return True

    def metadata(self, kind: Kind, namespace: str | None, labels: Mapping[str, str]) -> list[JsonObject]:
        """The metadata alone of all objects of a kind that carry these labels."""
        params = {"labelSelector": ",".join(f"{key}={value}" for key, value in labels.items())}
        headers = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
        with _Told(self.server, f"the list of {kind.plural} in {namespace}"):
            response = self._http.get(kind.path(namespace).lstrip("/"), params=params, headers=headers)
            response.raise_for_status()
            return [item["metadata"] for item in response.json().get("items") or []]

    def watch(
        self, kind: Kind, namespace: str | None, name: str, version: str, seconds: float
    ) -> Iterator[JsonObject | None]:
        """Every state of one object after `version`, None once it is deleted; ends after `seconds` or on a gap.

        The caller reads the object again and watches anew as long as its own bound allows.
        """
        params: dict[str, str] = {
            "watch": "true",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": version,
            "timeoutSeconds": str(max(1, int(seconds))),
        }
        # The server ends the watch by itself; a server that died silently is noticed a little later.
        timeout = httpx2.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS, read=max(1.0, seconds) + 5.0)
        path = kind.path(namespace).lstrip("/")
        with (
            _Told(self.server, kind.describe(namespace, name)),
            self._http.stream("GET", path, params=params, timeout=timeout) as response,
        ):
            if response.status_code >= 400:
                return
            for line in response.iter_lines():
                event = json.loads(line)
                if event["type"] == "DELETED":
                    yield None
                elif event["type"] in ("ADDED", "MODIFIED"):
                    yield event["object"]
                elif event["type"] == "ERROR":
                    return


class _Told:
    """Turns the HTTP library's errors into ours, naming the server and what was asked for."""

    def __init__(self, server: str, what: str) -> None:
        self._server = server
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ApiError):
            status = error.status
            raise RefusedError(
                f"{self._server} refuses {self._what}: {status.message}",
                status.code or 0,
                status.reason or "",
            ) from error
        if isinstance(error, httpx2.HTTPStatusError):
            code = error.response.status_code
            raise RefusedError(f"{self._server} refuses {self._what}: HTTP {code}", code, "") from error
        if isinstance(error, httpx2.TransportError):
            raise UnreachableError(
                f"the API server {self._server} does not answer (asked for {self._what}): "
                f"{error or type(error).__name__}. Start the cluster, or correct the kubeconfig; "
                "`meshfleet up --forget` drops one that is gone for good"
            ) from error
        if isinstance(error, ConfigError | OSError):
            raise ClusterError(f"the kubeconfig for {self._server} cannot be used: {error}") from error


def _single_config(settings: Settings) -> SingleConfig:
    try:
        document = kubeconfig_document(settings.kubeconfig)
    except (ValueError, OSError) as error:
        raise ClusterError(f"the provider's `kubeconfig` cannot be read: {error}") from error
    if document is None:
        raise ClusterError(
            "the provider has no `kubeconfig`: pass its content (or a path) to the Provider resource; "
            "the ambient kubeconfig is never used"
        )
    try:
        prepare_decoders()
        config = KubeConfig.from_dict(document, fname=_path_of(settings.kubeconfig))
        if settings.cluster is not None:
            chosen = config.get(settings.context)
            if chosen is None or settings.cluster not in config.clusters:
                raise ClusterError(f"the provider's `cluster` {settings.cluster!r} is not in its kubeconfig")
            return chosen._replace(cluster=config.clusters[settings.cluster])
        chosen = config.get(settings.context)
    except KeyError as error:
        raise ClusterError(f"the provider's `kubeconfig` lacks the entry {error}") from error
    except ConfigError as error:
        names = ", ".join(sorted(str(entry.get("name")) for entry in document.get("contexts") or [])) or "none"
        raise ClusterError(f"the provider's `kubeconfig` cannot be used: {error}; its contexts: {names}") from error
    if chosen is None:
        raise ClusterError("the provider's `kubeconfig` has no current-context: set `context`")
    return chosen


def _path_of(kubeconfig: Any) -> str | None:
    return kubeconfig if isinstance(kubeconfig, str) and "\n" not in kubeconfig and "{" not in kubeconfig else None


def _within(kind: Kind, namespace: str | None) -> dict[str, Any]:
    return {"namespace": namespace} if kind.namespaced else {}


def _is_loopback(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
