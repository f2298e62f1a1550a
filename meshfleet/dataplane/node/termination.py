"""The end of a pod's containers, in the order and at the pace of a kubelet.

The processes of the program of each container alone are told: what they have started is theirs to end. A proxy's agent
lets its Envoy finish what it has begun, and an Envoy that is told itself drops it.
Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from meshfleet.dataplane.node.containers import Container
from meshfleet.workspace import fleet_processes as processes

if TYPE_CHECKING:
    import psutil

_SIDECAR_SECONDS: Final = 2.0
"""What is left for a sidecar when the others have used up the time of the pod."""


def end_containers(
    containers: Sequence[Container],
    programs: Callable[[str], list[psutil.Process]],
    grace: float,
    leave: threading.Event,
) -> None:
    """End all containers within `grace` seconds: first those of the pod, together, then its sidecars, the last first.

    A container's pause before its end (`preStop.sleep`) counts. `programs` finds the processes of a container by its
    name. With `leave` set it ends nothing more, since the next run begins again. Raises ProcessError.
    """
    begun = time.monotonic()

    def left() -> float:
        return max(0.0, begun + grace - time.monotonic())

    told: list[psutil.Process] = []
    for container in sorted((one for one in containers if not one.first), key=lambda one: one.pause):
        found = programs(container.name)
        if found and leave.wait(max(0.0, min(grace, container.pause) - (time.monotonic() - begun))):
            return
        processes.ask_to_end(found)
        told += found
    processes.end(told, left())
    for container in reversed([one for one in containers if one.sidecar]):
        if leave.is_set():
            return
        processes.end(programs(container.name), max(left(), _SIDECAR_SECONDS))
