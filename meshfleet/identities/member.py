"""A member of the fleet as its administrator reaches it: reviews of what a subject may do there, and tokens.

Plain JSON over one kept connection, since a review is asked hundreds of times.
Sources: https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/ and
https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from meshfleet.errors import ClusterError, EngineError
from meshfleet.federation.identities.authorizer import Identity
from meshfleet.federation.identities.policy import Request
from meshfleet.files import read_text
from meshfleet.files.json_text import parse_json
from meshfleet.kube.access import Access, read_access
from meshfleet.kube.api_errors import UNEXPECTED, api_errors, expected_form

if TYPE_CHECKING:
    import httpx2

    from meshfleet.status import Status
    from meshfleet.status.clusters import Cluster

SECONDS: Final = 10.0
_MEMBERS_AT_ONCE: Final = 32
_REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

T = TypeVar("T")


@dataclass(frozen=True)
class Token:
    """A token of a ServiceAccount, and when it ends, as RFC 3339 has it."""

    text: str = field(repr=False)
    expires: str


@dataclass(frozen=True)
class Member:
    """One member, with an open connection to its API server."""

    name: str
    access: Access = field(repr=False)
    client: httpx2.Client = field(repr=False)

    def allows(self, identity: Identity, request: Request) -> bool:
        """Whether the member says that an identity may do something. Raises ClusterError."""
        subject = f"{self.name}: a review of what {identity.username} may do"
        answer = self._create(_REVIEWS, _review(identity, request), subject)
        with expected_form(subject):
            return bool(answer["status"].get("allowed", False))

    def token(self, namespace: str, account: str, seconds: int) -> Token:
        """A token of a ServiceAccount for the API server itself. Raises ClusterError."""
        subject = f"{self.name}: a token of ServiceAccount {namespace}/{account}"
        wanted = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        answer = self._create(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", wanted, subject)
        with expected_form(subject):
            token, expires = answer["status"]["token"], answer["status"]["expirationTimestamp"]
            datetime.fromisoformat(expires)
            if not token.isascii() or not token.isprintable() or " " in token:
                raise ValueError
            return Token(token, expires)

    def _create(self, path: str, body: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
        with api_errors(subject):
            response = self.client.post(path, json=body)
            if not response.is_success:
                raise _refusal(response)
        try:
            answer = parse_json(response.text)
        except ValueError:
            answer = None
        if not isinstance(answer, Mapping):
            raise ClusterError(f"{subject}: {UNEXPECTED}")
        return answer


@contextmanager
def member(name: str, kubeconfig: Path | None, context: str | None, seconds: float = SECONDS) -> Iterator[Member]:
    """A member by the kubeconfig that `status` has written; each request takes `seconds` at most.

    Raises ClusterError where the kubeconfig is missing or cannot be used. Nothing is sent yet.
    """
    from meshfleet.kube.client import http_client

    text = read_text(kubeconfig, follow=True) if kubeconfig else None
    if kubeconfig is None or text is None:
        raise ClusterError(f"{name}: there is no kubeconfig of it; run meshfleet up")
    access = read_access(text, context, kubeconfig.parent)
    with http_client(access, seconds=seconds) as client:
        yield Member(name, access, client)


def deployed(status: Status, names: Iterable[str]) -> list[Cluster]:
    """The clusters of a status by name. Raises EngineError for one that is not deployed."""
    known = {cluster.name: cluster for cluster in status.clusters}
    wanted = list(names)
    if missing := [name for name in wanted if name not in known]:
        raise EngineError(f"{missing[0]} is not deployed; run meshfleet up first")
    return [known[name] for name in wanted]


def in_each(clusters: Sequence[Cluster], do: Callable[[Member], T]) -> dict[str, T | ClusterError]:
    """Do the same in each cluster of a status, in parallel: what came of it, or why nothing did, by cluster."""
    from meshfleet.kube.decoders import prepare_decoders

    def one(cluster: Cluster) -> T | ClusterError:
        path = Path(cluster.kubeconfig) if cluster.kubeconfig else None
        try:
            with member(cluster.name, path, cluster.context or None) as found:
                return do(found)
        except ClusterError as error:
            return error

    if not clusters:
        return {}
    prepare_decoders()
    with ThreadPoolExecutor(min(len(clusters), _MEMBERS_AT_ONCE), thread_name_prefix="member") as pool:
        return dict(zip((cluster.name for cluster in clusters), pool.map(one, clusters), strict=True))


def _review(identity: Identity, request: Request) -> dict[str, Any]:
    spec: dict[str, Any] = {"user": identity.username, "groups": list(identity.groups)}
    if request.path:
        spec["nonResourceAttributes"] = {"path": request.path, "verb": request.verb}
    else:
        resource, _, subresource = request.resource.partition("/")
        asked = {
            "verb": request.verb,
            "group": request.group,
            "resource": resource,
            "subresource": subresource,
            "namespace": request.namespace,
            "name": request.name,
        }
        spec["resourceAttributes"] = {key: value for key, value in asked.items() if value}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


def _refusal(response: httpx2.Response) -> ClusterError:
    from meshfleet.kube.client import refusal

    return refusal(response.request, response)
