"""Makes port-forwarding to the simulated pods of an istiod reach the process that stands for them.

With it `istioctl remote-clusters` and `kubectl port-forward` work as if the pod were real.
https://kwok.sigs.k8s.io/docs/user/kwok-port-forward-configuration/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from lightkube.generic_resource import create_global_resource
from lightkube.models.meta_v1 import ObjectMeta

from embedded.api_errors import RefusedError, api_errors

if TYPE_CHECKING:
    from lightkube import Client

_ClusterPortForward = create_global_resource("kwok.x-k8s.io", "v1alpha1", "ClusterPortForward", "clusterportforwards")
# The port of istiod's container → the name of ours. manifests/charts/istio-control/istio-discovery
_CONTAINER_PORTS: Final = {
    8080: "http",
    15014: "monitoring",
    15010: "grpc",
    15012: "secure-grpc",
    15017: "https",
}


def apply_port_forward(client: Client, name: str, namespace: str, ports: Mapping[str, int]) -> None:
    """Forward istiod's ports of every pod in `namespace` to `ports` of 127.0.0.1.

    A cluster that does not know the kind is not simulated by kwok and needs nothing. Raises ClusterError.
    """
    forward = _ClusterPortForward(
        metadata=ObjectMeta(name=name),
        spec={
            "selector": {"matchNamespaces": [namespace]},
            "forwards": [
                {"ports": [container_port], "target": {"address": "127.0.0.1", "port": ports[port_name]}}
                for container_port, port_name in _CONTAINER_PORTS.items()
            ],
        },
    )
    with _absence_is_fine(name):
        client.apply(forward, field_manager="meshfleet", force=True)


def remove_port_forward(client: Client, name: str) -> None:
    """Undo it; fine when there is none. Raises ClusterError."""
    with _absence_is_fine(name):
        client.delete(_ClusterPortForward, name)


@contextmanager
def _absence_is_fine(name: str) -> Iterator[None]:
    try:
        with api_errors(f"ClusterPortForward {name}"):
            yield
    except RefusedError as error:
        if not error.not_found:
            raise
