"""The endpoints that Kubernetes leaves behind when a Service loses its selector.

Its controllers reconcile only Services with a selector. So the addresses of pods that a Service selected before stay
among its endpoints (syncService in pkg/controller/endpointslice of kubernetes/kubernetes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshfleet.kube.api_errors import RefusedError, api_errors

if TYPE_CHECKING:
    from lightkube import Client
    from lightkube.resources.core_v1 import Endpoints
    from lightkube.resources.discovery_v1 import EndpointSlice

# https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#management
_SELECTOR_CONTROLLER: Final = "endpointslice-controller.k8s.io"


def remove_stale_endpoints(client: Client, namespace: str, labels: dict[str, str]) -> None:
    """Remove them from every Service with these labels that has no selector; other Services keep theirs.

    Raises ClusterError.
    """
    from lightkube.resources.core_v1 import Endpoints, Service
    from lightkube.resources.discovery_v1 import EndpointSlice

    with api_errors(f"Services of {namespace}"):
        services = list(client.list(Service, namespace=namespace, labels=dict(labels)))
    for service in services:
        name = service.metadata.name if service.metadata else None
        if name is None or (service.spec and service.spec.selector):
            continue
        managed = {"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": _SELECTOR_CONTROLLER}
        with api_errors(f"EndpointSlices of {namespace}/{name}"):
            slices = list(client.list(EndpointSlice, namespace=namespace, labels=dict(managed)))
        for found in slices:
            _remove(client, EndpointSlice, found.metadata.name if found.metadata else None, namespace)
        # The endpointslicemirroring controller would create slices from it again.
        _remove(client, Endpoints, name, namespace)


def _remove(client: Client, kind: type[EndpointSlice | Endpoints], name: str | None, namespace: str) -> None:
    try:
        with api_errors(f"{kind.__name__} {namespace}/{name}"):
            client.delete(kind, str(name), namespace=namespace)
    except RefusedError as error:
        if not error.not_found:
            raise
