"""Plain JSON in and out of one API server, for objects of kinds that are only known when they are met.

Every answer is bounded in size and time, and every failure names what was requested.
https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from meshfleet.errors import ClusterError
from meshfleet.files.json_text import parse_json
from meshfleet.kube.api_errors import RefusedError, api_errors, expected_form, refused

if TYPE_CHECKING:
    import httpx2

JsonObject = dict[str, Any]

_SECONDS: Final = 30.0
_LIMIT: Final = 32 * 1024 * 1024
_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True)
class Kind:
    """Where the objects of a kind are: `path` as in `apis/apps/v1`, `plural` as in `deployments`."""

    path: str
    plural: str
    namespaced: bool

    def collection(self, namespace: str) -> str:
        """The path of all of them, in `namespace` where they have one."""
        inside = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{self.path}{inside}/{self.plural}"


class Server:
    """One API server. Every method raises RefusedError, UnreachableError or ClusterError."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http
        self._kinds: dict[str, dict[str, Kind]] = {}

    def get(self, path: str, subject: str) -> JsonObject | None:
        """An object, or None when there is none."""
        try:
            return self._request("GET", path, subject)
        except RefusedError as error:
            if error.not_found:
                return None
            raise

    def metadata(self, path: str, labels: str, subject: str) -> list[JsonObject]:
        """The metadata alone of all objects of a collection with these labels."""
        listed = self._request("GET", path, subject, params={"labelSelector": labels}, headers={"Accept": _METADATA})
        with expected_form(subject):
            return [dict(item["metadata"]) for item in listed.get("items") or []]

    def create(self, path: str, body: JsonObject, subject: str, *, manager: str, dry_run: bool = False) -> JsonObject:
        """Create an object in a collection; with `dry_run` only have everything that checks it do so."""
        only = {"dryRun": "All"} if dry_run else {}
        return self._request("POST", path, subject, body=body, params={"fieldManager": manager, **only})

    def apply_dry(self, path: str, body: JsonObject, subject: str, *, manager: str) -> JsonObject:
        """An object as it would be if `body` were applied to it, which everything that checks it has seen.

        Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
        """
        params = {"fieldManager": manager, "force": "true", "dryRun": "All"}
        headers = {"Content-Type": "application/apply-patch+yaml"}
        return self._request("PATCH", path, subject, body=body, params=params, headers=headers)

    def replace(self, path: str, body: JsonObject, subject: str, *, manager: str) -> JsonObject:
        """Put an object in the place of the one it was read as; refused with 409 when that one has changed."""
        return self._request("PUT", path, subject, body=body, params={"fieldManager": manager})

    def delete(self, path: str, subject: str) -> None:
        """Delete an object; fine when there is none."""
        try:
            self._request("DELETE", path, subject)
        except RefusedError as error:
            if not error.not_found:
                raise

    def kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind as this server knows it; None when it does not."""
        if api_version not in self._kinds:
            path = f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"
            subject = f"the kinds of {api_version}"
            listed = self.get(path, subject) or {}
            with expected_form(subject):
                self._kinds[api_version] = {
                    str(entry["kind"]): Kind(path, str(entry["name"]), bool(entry["namespaced"]))
                    for entry in listed.get("resources") or []
                    if "/" not in entry["name"]
                }
        return self._kinds[api_version].get(kind)

    def forget_kinds(self) -> None:
        """Look kinds up again, after definitions of some were created."""
        self._kinds.clear()

    def _request(
        self,
        method: str,
        path: str,
        subject: str,
        *,
        body: JsonObject | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> JsonObject:
        with api_errors(subject):
            got = self._http.request(method, path, json=body, params=dict(params or {}), headers=dict(headers or {}))
        try:
            answer = parse_json(got.content)
        except ValueError:
            answer = None
        if got.status_code >= 400:
            status = answer if isinstance(answer, dict) else {}
            raise refused(subject, status.get("message"), got.status_code, status.get("reason"))
        if not isinstance(answer, dict):
            raise ClusterError(f"{subject}: the API server returns a response that is not a JSON object")
        return answer


@contextmanager
def connected(kubeconfig: str, context: str | None = None, seconds: float = _SECONDS) -> Iterator[Server]:
    """The API server of a kubeconfig text, for the length of the block, with a bound on each request.

    Raises ClusterError as `connect` does.
    """
    # They take a tenth of a second to import.
    from meshfleet.kube.access import read_access
    from meshfleet.kube.client import http_client

    with http_client(read_access(kubeconfig, context), seconds=seconds, limit=_LIMIT) as http:
        yield Server(http)
