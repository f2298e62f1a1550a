"""A cluster's API server, asked in a way that cannot change anything.

Every client here is made with dry run on: what a check "creates" is answered in full, webhooks included,
and never stored. Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run
"""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx2
from lightkube import ApiError, Client, KubeConfig
from lightkube.core.exceptions import ConfigError
from lightkube.resources.core_v1 import ConfigMap, Secret

from embedded.decoders import prepare_decoders
from topology.errors import ClusterError
from verification.unreachable import UnreachableError
from verification.view import ClusterView

WEBHOOK_SILENT = "failed calling webhook"
"""How an API server says that a webhook itself did not answer, as opposed to refusing."""


# Here and not in `reach`, so that no check counts it among its own seconds.
prepare_decoders()


@contextmanager
def reach(cluster: ClusterView, patience: float) -> Iterator[Client]:
    """A client for one cluster that only reads and dry-runs, each request `patience` seconds at most.

    Raises UnreachableError when the API server does not answer, ClusterError when it refuses or when the
    kubeconfig cannot be used. A refusal that a caller wants to read is caught inside, as ApiError.
    """
    try:
        config = KubeConfig.from_file(cluster.kubeconfig).get(context_name=cluster.context)
        with Client(
            config=config,
            dry_run=True,
            trust_env=False,
            timeout=httpx2.Timeout(min(patience, 10.0)),
            field_manager="meshfleet-verify",
        ) as client:
            yield client
    except ApiError as error:
        raise refusal(cluster, error) from error
    except httpx2.HTTPError as error:
        raise UnreachableError(
            f"the API server of {cluster.name} does not answer ({error or type(error).__name__}); "
            "`meshfleet up` starts an embedded one again"
        ) from error
    except (ConfigError, KeyError, OSError, ssl.SSLError) as error:
        raise ClusterError(f"the kubeconfig of {cluster.name} cannot be used: {error}") from error


def refusal(cluster: ClusterView, error: ApiError) -> ClusterError | UnreachableError:
    """What the API server said, with the cluster's name; a webhook that did not answer is unreachable."""
    message = error.status.message or f"status {error.status.code}"
    if WEBHOOK_SILENT in message:
        return UnreachableError(f"{cluster.name}: {message}; is its istiod running? `meshfleet up` starts it")
    return ClusterError(f"the API server of {cluster.name} refuses: {message}")


def secret_files(client: Client, cluster: ClusterView, name: str) -> Mapping[str, bytes]:
    """The decoded data of a Secret in the namespace of `cluster`'s control plane; never to be shown.

    Raises ApiError (404 when it is not there) and ClusterError when its data is not base64.
    """
    data = client.get(Secret, name, namespace=cluster.control_plane.namespace).data or {}
    try:
        return {key: base64.b64decode(value, validate=True) for key, value in data.items()}
    except binascii.Error as error:
        raise ClusterError(f"Secret {name} of {cluster.name} holds data that is not base64") from error


def config_map(client: Client, cluster: ClusterView, name: str) -> Mapping[str, str]:
    """The data of a ConfigMap in the control plane's namespace. Raises ApiError (404 when not there)."""
    return client.get(ConfigMap, name, namespace=cluster.control_plane.namespace).data or {}
