"""One API server: its requests, its errors in words, and watching single objects.

Built on lightkube: its kubeconfig handling, its TLS and authentication, its generic resources. What lightkube has
no public call for (discovery, a watch with a read timeout) goes through its HTTP client over the same connections.
All methods may be called from several threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lightkube import ApiError
from lightkube.types import CascadeType, PatchType
from msgspec import MsgspecError

from meshfleet.errors import ClusterError
from meshfleet.files.json_text import parse_json
from meshfleet.kube.api_errors import UNEXPECTED, refused
from meshfleet.kube.client import connect_to, http_client
from meshfleet.plugins.kubernetes.access import provider_access
from meshfleet.plugins.kubernetes.faults import RefusedError, UnreachableError
from meshfleet.plugins.kubernetes.kinds import Kind
from meshfleet.plugins.kubernetes.settings import Settings
from meshfleet.plugins.kubernetes.values import JsonObject

_ANSWER_SECONDS = 60.0


class Connection:
    """A connection to the cluster that a provider's settings name.

    Raises ClusterError when the settings name none, or ask for what is not supported.
    """

    def __init__(self, settings: Settings) -> None:
        access = provider_access(settings)
        self.server = access.server
        self._client = connect_to(access, seconds=_ANSWER_SECONDS)
        self._http = http_client(access, seconds=_ANSWER_SECONDS)

    def fetch(self, path: str, what: str) -> JsonObject:
        """GET of a path that is no object (`/apis/apps/v1`), parsed."""
        with _Told(self.server, what):
            response = self._http.get(path.lstrip("/"))
            if response.status_code >= 400:
                raise ApiError(response=response, request=response.request)
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

    def create(self, kind: Kind, namespace: str | None, name: str, body: JsonObject, manager: str) -> JsonObject:
        """Create the object by a plain request of field manager `manager`; returns it.

        Raises RefusedError with the reason `AlreadyExists` where there is one by that name, also on its way out.
        """
        with _Told(self.server, kind.describe(namespace, name)):
            params = {"fieldManager": manager}
            response = self._http.post(kind.path(namespace).lstrip("/"), params=params, json=body)
            if response.status_code >= 400:
                raise ApiError(response=response, request=response.request)
            created: JsonObject = response.json()
            return created

    def set_managed_fields(
        self, kind: Kind, namespace: str | None, name: str, version: str, fields: list[JsonObject]
    ) -> None:
        """Write who owns the fields of an object that is still at resource version `version`."""
        at = "/metadata/resourceVersion"
        patch = [
            {"op": "test", "path": at, "value": version},
            {"op": "replace", "path": "/metadata/managedFields", "value": fields},
        ]
        with _Told(self.server, kind.describe(namespace, name)):
            self._client.patch(kind.resource, name, patch, patch_type=PatchType.JSON, **_within(kind, namespace))

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
            if response.status_code >= 400:
                raise ApiError(response=response, request=response.request)
            return [item["metadata"] for item in response.json().get("items") or []]

    def watch(
        self, kind: Kind, namespace: str | None, name: str, version: str, seconds: float
    ) -> Iterator[JsonObject | None]:
        """Every state of one object after `version`, None once it is deleted; ends after `seconds` or on a gap.

        The caller reads the object again and watches again until its own timeout.
        """
        params: dict[str, str] = {
            "watch": "true",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": version,
            "timeoutSeconds": str(max(1, int(seconds))),
        }
        path = kind.path(namespace).lstrip("/")
        with (
            _Told(self.server, kind.describe(namespace, name)),
            # The server ends the watch by itself; for a server that died silently the transport does, a little later.
            self._http.stream("GET", path, params=params) as response,
        ):
            if response.status_code >= 400:
                return
            for line in response.iter_lines():
                event = parse_json(line)
                if event["type"] == "DELETED":
                    yield None
                elif event["type"] in ("ADDED", "MODIFIED"):
                    yield event["object"]
                elif event["type"] == "ERROR":
                    return


class _Told:
    """Turns the HTTP library's errors into ours, naming the server and what the request was for."""

    def __init__(self, server: str, what: str) -> None:
        self._server = server
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        subject = f"{self._server} refuses {self._what}"
        if isinstance(error, ApiError):
            status = error.status
            raise refused(subject, status.message, status.code, status.reason) from error
        if isinstance(error, UnreachableError):
            raise error.about(self._what) from error
        if isinstance(error, _WRONG_SHAPE):
            raise ClusterError(f"{self._server}, {self._what}: {UNEXPECTED}") from error


# The answers are plain JSON here, of which the transport has checked what all objects have in common.
_WRONG_SHAPE = (MsgspecError, LookupError, TypeError, ValueError, AttributeError, RecursionError)


def _within(kind: Kind, namespace: str | None) -> dict[str, Any]:
    return {"namespace": namespace} if kind.namespaced else {}
