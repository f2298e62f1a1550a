"""Read-only access to a cluster's API server.

Every client here uses dry run: an object that a check creates passes admission, webhooks included, and is never
stored. Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import TypeVar

from lightkube import ApiError, Client
from lightkube.resources.core_v1 import ConfigMap, Secret
from msgspec import MsgspecError

from meshfleet.errors import ClusterError, UnreachableError
from meshfleet.errors.causes import Cause
from meshfleet.files import read_text
from meshfleet.files.bounded_yaml import LIMIT
from meshfleet.kube.access import Access, read_access
from meshfleet.kube.api_errors import UNEXPECTED, refused
from meshfleet.kube.client import connect_to, http_client
from meshfleet.kube.decoders import prepare_decoders
from meshfleet.kube.pod_requests import PodRequests
from meshfleet.kube.releases.server import Server
from meshfleet.topology.discovery import is_loopback
from meshfleet.verification.kept_connections import KEPT, Kept
from meshfleet.verification.unreachable import NoResponseError
from meshfleet.verification.view import ClusterView

C = TypeVar("C", bound=Kept)

WEBHOOK_SILENT = "failed calling webhook"
"""How an API server reports that a webhook did not respond, as opposed to rejecting the request."""


# At import and not in `reach`, so that it does not count toward the duration of a check.
prepare_decoders()


@contextmanager
def reach(cluster: ClusterView, timeout: float) -> Iterator[Client]:
    """A client for one cluster that only reads and dry-runs; each request takes at most `timeout` seconds.

    Raises UnreachableError when no API server responds, ClusterError when it refuses, responds with something else, or
    when the kubeconfig cannot be used. A caller that handles a refusal itself catches ApiError inside the block.
    """
    seconds = min(timeout, 10.0)

    def connect(access: Access) -> Client:
        return connect_to(access, seconds=seconds, dry_run=True, field_manager="meshfleet-verify")

    with _connected(cluster, ("API", seconds), connect) as client:
        yield client


@contextmanager
def reach_pods(cluster: ClusterView, timeout: float) -> Iterator[PodRequests]:
    """Requests to pods of one cluster through its API server, each within `timeout` seconds, rounded up, 15 at most.

    Raises as `reach` does, RefusedError for what the API server refuses.
    """
    # Rounded, so that the client is kept for the requests that follow.
    seconds = float(max(1, min(ceil(timeout), 15)))
    with _connected(cluster, ("pods", seconds), lambda access: PodRequests(access, seconds=seconds)) as requests:
        yield requests


@contextmanager
def reach_objects(cluster: ClusterView, timeout: float) -> Iterator[Server]:
    """Plain objects of one cluster, of any kind; each request takes at most `timeout` seconds, rounded up, 10 at most.

    Raises as `reach` does, RefusedError for what the API server refuses.
    """
    seconds = float(max(1, min(ceil(timeout), 10)))
    with _connected(cluster, ("objects", seconds), lambda access: http_client(access, seconds=seconds)) as http:
        yield Server(http)


@contextmanager
def _connected(cluster: ClusterView, kind: Hashable, connect: Callable[[Access], C]) -> Iterator[C]:
    path = Path(cluster.kubeconfig)
    text = read_text(path, limit=LIMIT, follow=True)
    if text is None:
        raise ClusterError(f"the kubeconfig of {cluster.name}: there is no file {path}; `meshfleet up` writes it")
    name = f"the API server of {cluster.name}"
    try:
        access = read_access(text, cluster.context, path.parent)
    except ClusterError as error:
        raise ClusterError(f"the kubeconfig of {cluster.name} cannot be used: {error}") from error
    try:
        place = (text, cluster.context or "", str(path.parent), kind)
        with KEPT.connection(place, lambda: connect(access)) as client:
            yield client
    except ApiError as error:
        raise refusal(cluster, error) from error
    except MsgspecError as error:
        raise ClusterError(f"{name}: {UNEXPECTED}") from error
    except UnreachableError as error:
        if error.server.rstrip("/") != access.server.rstrip("/"):
            raise
        hint = error.advice
        if error.cause is Cause.REFUSED and is_loopback(access.server):
            hint = "`meshfleet up` starts an embedded one again"
        raise UnreachableError(name, error.cause, error.detail, advice=hint) from error


def refusal(cluster: ClusterView, error: ApiError) -> ClusterError | NoResponseError:
    """The error of the API server, with the cluster's name; a webhook that did not respond is unreachable."""
    message = error.status.message or f"status {error.status.code}"
    if WEBHOOK_SILENT in message:
        return NoResponseError(f"{cluster.name}: {message}; is its istiod running? `meshfleet up` starts it")
    return refused(f"the API server of {cluster.name} refuses", message, error.status.code, error.status.reason)


def secret_files(client: Client, cluster: ClusterView, name: str) -> Mapping[str, bytes]:
    """The decoded data of a Secret in the control plane namespace of `cluster`; never print it.

    Raises ApiError (404 when it is not there) and ClusterError when its data is not base64.
    """
    data = client.get(Secret, name, namespace=cluster.control_plane.namespace).data or {}
    try:
        return {key: base64.b64decode(value, validate=True) for key, value in data.items()}
    except binascii.Error as error:
        raise ClusterError(f"Secret {name} of {cluster.name} has data that is not base64") from error


def config_map(client: Client, cluster: ClusterView, name: str) -> Mapping[str, str]:
    """The data of a ConfigMap in the control plane's namespace. Raises ApiError (404 when not there)."""
    return client.get(ConfigMap, name, namespace=cluster.control_plane.namespace).data or {}
