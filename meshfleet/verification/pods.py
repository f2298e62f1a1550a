"""The pods of a cluster as checks look at them: those that run, and how a message lists some of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lightkube.resources.core_v1 import Pod

from meshfleet.dataplane.node import pod_status

SHOWN = 3


def not_ended(pods: Iterable[Pod]) -> Iterator[Pod]:
    """Those of `pods` that have not ended; one that has ended has no proxy any more.

    Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase
    """
    return (pod for pod in pods if not (pod.status and pod.status.phase in ("Succeeded", "Failed")))


def is_ready(pod: Pod) -> bool:
    """Whether a pod's condition `Ready` is true."""
    return pod_status.is_ready((pod.status.conditions if pod.status else None) or ())


def annotations_of(pod: Pod) -> dict[str, str]:
    """A pod's annotations; empty where it has none."""
    return dict((pod.metadata.annotations if pod.metadata else None) or {})


def labels_of(pod: Pod) -> dict[str, str]:
    """A pod's labels; empty where it has none."""
    return dict((pod.metadata.labels if pod.metadata else None) or {})


def proxy_image(pod: Pod) -> str:
    """The image of a pod's proxy; empty where it has none."""
    containers = [*pod.spec.containers, *(pod.spec.initContainers or [])] if pod.spec else []
    return next((one.image or "" for one in containers if one.name == "istio-proxy"), "")


def called(pod: Pod) -> str:
    """A pod as messages name it, `namespace/name`."""
    return f"{pod.metadata.namespace}/{pod.metadata.name}" if pod.metadata else "a pod without a name"


def some_of(names: Sequence[str]) -> str:
    """The first few of `names` in order of the alphabet, and how many more there are."""
    others = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(sorted(names)[:SHOWN])}{others}"
