"""Makes port-forwarding to the simulated pods of an istiod reach the process that stands for them.

With it `istioctl remote-clusters` and `kubectl port-forward` work as if the pod were real.
https://kwok.sigs.k8s.io/docs/user/kwok-port-forward-configuration/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from lightkube import Client
from lightkube.generic_resource import create_global_resource
from lightkube.models.meta_v1 import ObjectMeta

from meshfleet.errors import ClusterError
from meshfleet.kube.api_errors import RefusedError, api_errors
from meshfleet.processes.waiting import NotYetError, wait_until

_ClusterPortForward = create_global_resource("kwok.x-k8s.io", "v1alpha1", "ClusterPortForward", "clusterportforwards")
_SECONDS: Final = 30.0
# The port of istiod's container → the name of ours. manifests/charts/istio-control/istio-discovery
_CONTAINER_PORTS: Final = {
    8080: "http",
    15014: "monitoring",
    15010: "grpc",
    15012: "secure-grpc",
    15017: "https",
}


def apply_port_forward(client: Client, name: str, namespace: str, revision: str, ports: Mapping[str, int]) -> None:
    """Forward the ports of a revision's istiod pods in `namespace` to `ports` of 127.0.0.1.

    kwok selects pods by name; pods recreated later are found at the next start of the istiod.

    A cluster that does not know the kind is not simulated by kwok and needs nothing. Raises ClusterError.
    """
    with _absence_is_fine(name):
        # Read first: without the resource kind there are no pods to wait for.
        list(client.list(_ClusterPortForward))
        forward = _ClusterPortForward(
            metadata=ObjectMeta(name=name),
            spec={
                "selector": {"matchNamespaces": [namespace], "matchNames": _pods(client, namespace, revision)},
                "forwards": [
                    {"ports": [container_port], "target": {"address": "127.0.0.1", "port": ports[port_name]}}
                    for container_port, port_name in _CONTAINER_PORTS.items()
                ],
            },
        )
        client.apply(forward, field_manager="meshfleet", force=True)


def _pods(client: Client, namespace: str, revision: str) -> list[str]:
    """The names of a revision's istiod pods, once its chart has made one."""
    from lightkube.resources.core_v1 import Pod

    labels: dict[str, Any] = {"app": "istiod", "istio.io/rev": revision}

    def made() -> list[str]:
        with api_errors(f"pods of istiod {revision}"):
            found = [pod.metadata.name for pod in client.list(Pod, namespace=namespace, labels=labels) if pod.metadata]
        if not found:
            raise NotYetError("none")
        return sorted(str(pod) for pod in found)

    return wait_until(
        made,
        f"a pod of istiod {revision} in namespace {namespace}, which its chart creates",
        _SECONDS,
        "see whether the release of istiod was installed, and run the same command again",
        failure=ClusterError,
    )


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
