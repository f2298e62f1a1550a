"""Whether an istiod can read a remote cluster: its kubeconfig is used as istiod will use it, before istiod is given it.

Istiod lists Services, Pods, EndpointSlices and Nodes of every cluster that it has a remote secret for; a kubeconfig
that cannot list Services is of no use to it.
Source: NewController in pilot/pkg/serviceregistry/kube/controller/controller.go of istio/istio
"""

from __future__ import annotations

from typing import Final

from meshfleet.errors import ClusterError
from meshfleet.errors.causes import Cause
from meshfleet.kube.api_errors import RefusedError, UnreachableError, api_errors
from meshfleet.kube.loading import load_lightkube
from meshfleet.processes.waiting import NotYetError, wait_until

SECONDS: Final = 5.0
_ANSWERS: Final = frozenset(
    {
        Cause.CERTIFICATE_AUTHORITY,
        Cause.CERTIFICATE_NAME,
        Cause.CERTIFICATE_EXPIRED,
        Cause.CERTIFICATE_NOT_YET_VALID,
        Cause.UNAUTHORIZED,
        Cause.FORBIDDEN,
        Cause.NOT_AN_API_SERVER,
    }
)


def try_access(cluster: str, kubeconfig: str, seconds: float = SECONDS) -> None:
    """Read the remote `cluster` with exactly this kubeconfig, from this machine; a new token may need a moment.

    Raises ClusterError with what was seen last.
    """
    load_lightkube()
    from lightkube.resources.core_v1 import Service

    from meshfleet.kube.client import connect

    last: list[ClusterError] = []

    def read() -> None:
        try:
            with connect(kubeconfig, seconds=seconds) as client, api_errors("the list of its Services"):
                next(iter(client.list(Service, namespace="*", chunk_size=1)), None)
        except ClusterError as error:
            last[:] = [error]
            raise NotYetError(str(error)) from None

    try:
        wait_until(read, f"an answer of {cluster}", seconds, "", every=0.2, failure=ClusterError)
    except ClusterError:
        raise last[0] from None


def is_proof(error: ClusterError) -> bool:
    """Whether what was seen holds wherever it is tried from: something answers, and not as the kubeconfig expects.

    No response at all says only that this machine does not reach the address.
    """
    return isinstance(error, RefusedError) or (isinstance(error, UnreachableError) and error.cause in _ANSWERS)
