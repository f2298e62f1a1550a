"""What a node says of a pod, as the kubelet does. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshfleet.dataplane.node.containers import Container


@dataclass(frozen=True)
class ContainerState:
    """How a container is. `code` is that of its end, None while it runs or before; `message` is why it ended."""

    begun: str = ""
    running: bool = False
    ready: bool = False
    restarts: int = 0
    code: int | None = None
    message: str = ""


def pod_status(
    containers: Sequence[Container], states: Mapping[str, ContainerState], address: str, host: str, begun: str
) -> dict[str, Any]:
    """The status of a pod, for a merge into what is there."""
    first = [one for one in containers if one.first]
    others = [one for one in containers if not one.first]
    initialized = all(_is_past(one, states[one.name]) for one in first)
    working = [one for one in containers if not one.first or one.sidecar]
    ready = initialized and all(states[one.name].ready for one in working)
    running = initialized and any(states[one.name].begun for one in others)
    conditions = {"Initialized": initialized, "ContainersReady": ready, "Ready": ready, "PodScheduled": True}
    return {
        "phase": "Running" if running else "Pending",
        # What an attempt that failed has written goes.
        "reason": None,
        "message": None,
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": begun,
        "conditions": [
            {"type": name, "status": str(holds), "lastTransitionTime": begun} for name, holds in conditions.items()
        ],
        "initContainerStatuses": [_container(one, states[one.name]) for one in first],
        "containerStatuses": [_container(one, states[one.name]) for one in others],
    }


def failed_status(pod: Any, reason: str) -> dict[str, Any]:
    """The status of a pod that cannot be started, whatever is missing of it: it waits, and says why."""
    specification = pod.spec
    containers = {
        "initContainerStatuses": (specification.initContainers if specification else None) or (),
        "containerStatuses": (specification.containers if specification else None) or (),
    }
    waiting = {"waiting": {"reason": "CreateContainerError", "message": reason}}
    statuses = {
        key: [
            {
                "name": str(one.name),
                "image": str(one.image or ""),
                "imageID": "",
                "ready": False,
                "restartCount": 0,
                "state": waiting,
            }
            for one in found
        ]
        for key, found in containers.items()
    }
    return {"phase": "Pending", "reason": "AgentFailed", "message": reason, **statuses}


def is_ready(conditions: Iterable[Any]) -> bool:
    """Whether conditions, as a status or the API server has them, say that the pod is ready."""
    found = [one if isinstance(one, Mapping) else {"type": one.type, "status": one.status} for one in conditions]
    return any(one["type"] == "Ready" and one["status"] == "True" for one in found)


def _is_past(container: Container, state: ContainerState) -> bool:
    return bool(state.begun) if container.sidecar else state.code == 0


def _container(container: Container, state: ContainerState) -> dict[str, Any]:
    ended = {"exitCode": state.code or 0, "reason": "Error" if state.code else "Completed", "message": state.message}
    if state.running:
        now: dict[str, Any] = {"running": {"startedAt": state.begun}}
    elif state.code is None:
        now = {"waiting": {"reason": "PodInitializing"}}
    else:
        now = {"terminated": ended}
    done = container.first and not container.sidecar
    return {
        "name": container.name,
        "image": container.image,
        "imageID": "",
        "containerID": "",
        "ready": state.code == 0 if done else state.ready,
        "started": state.running,
        "restartCount": state.restarts,
        "state": now,
        "lastState": {"terminated": ended} if state.running and state.code is not None else {},
    }
