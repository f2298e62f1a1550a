"""The pods of a cluster as checks see them, and how a message lists them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lightkube.resources.core_v1 import Pod

from meshfleet.dataplane.node import pod_status

SHOWN = 3


def not_ended(pods: Iterable[Pod]) -> Iterator[Pod]:
    """The pods that have not terminated; a terminated pod no longer has a proxy.

    Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase
    """
    return (pod for pod in pods if not (pod.status and pod.status.phase in ("Succeeded", "Failed")))


def is_ready(pod: Pod) -> bool:
    """Whether a pod's condition `Ready` is true."""
    return pod_status.is_ready((pod.status.conditions if pod.status else None) or ())


def annotations_of(pod: Pod) -> dict[str, str]:
    """The annotations of a pod; empty if it has none."""
    return dict((pod.metadata.annotations if pod.metadata else None) or {})


def labels_of(pod: Pod) -> dict[str, str]:
    """The labels of a pod; empty if it has none."""
    return dict((pod.metadata.labels if pod.metadata else None) or {})


def proxy_image(pod: Pod) -> str:
    """The image of a pod's proxy; empty if it has none."""
    containers = [*pod.spec.containers, *(pod.spec.initContainers or [])] if pod.spec else []
    return next((one.image or "" for one in containers if one.name == "istio-proxy"), "")


def called(pod: Pod) -> str:
    """A pod in messages, `namespace/name`."""
    return f"{pod.metadata.namespace}/{pod.metadata.name}" if pod.metadata else "a pod without a name"


def some_of(names: Sequence[str]) -> str:
    """The first few of `names` in alphabetical order, and the number of the others."""
    others = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(sorted(names)[:SHOWN])}{others}"
