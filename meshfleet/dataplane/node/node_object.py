"""The Node that an agent stands for: its status, and the lease by which its cluster knows that it is there.

As a kubelet does it: the lease is renewed all the time, the status written when it is another one, and now and then.
Each write of a status goes to all that watch Nodes, which are most controllers of the cluster.
Source: https://kubernetes.io/docs/concepts/architecture/leases/#node-heart-beats
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from meshfleet.dataplane.node.left_out import LeftOut, condition
from meshfleet.dataplane.node.running_container import now
from meshfleet.kube.api_errors import api_errors

if TYPE_CHECKING:
    from lightkube import Client

BEAT_SECONDS: Final = 5.0
"""Between two beats: how late a status may be that is another one."""
_MANAGER: Final = "meshfleet"
_LEASE_SECONDS: Final = 40
# As a kubelet has them: a quarter of the lease, and nodeStatusReportFrequency
# (https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/).
_RENEWAL_SECONDS: Final = 10.0
_REPORT_SECONDS: Final = 300.0
_PODS: Final = "60"


@dataclass
class Heartbeat:
    """Of the Node `name` at `address`.

    `forwarding` is the port on loopback where port-forwarding to its pods is asked for, which KWOK does for all nodes
    of a cluster (meshfleet.kube.port_forward); 0 where there is none. `clock` counts seconds.
    """

    name: str
    address: str
    forwarding: int
    clock: Callable[[], float] = time.monotonic
    _reported: dict[str, Any] = field(default_factory=dict)
    _report_due: float = 0.0
    _renewal_due: float = 0.0

    def beat(self, client: Client, left_out: Collection[LeftOut] = ()) -> None:
        """Renew the lease where that is due, and report what the node does without. Raises ClusterError.

        Where another writer changed the status, as a cluster does that took the node for lost meanwhile, it is
        written again at the next renewal.
        """
        moment, wanted = self.clock(), self._status(left_out)
        with api_errors(f"node {self.name}"):
            if moment >= self._renewal_due:
                self._renew(client)
                if not self._is_seen(client, wanted):
                    self._report_due = moment
                self._renewal_due = moment + _RENEWAL_SECONDS
            if wanted != self._reported or moment >= self._report_due:
                self._report(client, wanted)
                self._reported, self._report_due = wanted, moment + _REPORT_SECONDS

    def _renew(self, client: Client) -> None:
        from lightkube.codecs import from_dict

        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": "kube-node-lease"},
            "spec": {
                "holderIdentity": self.name,
                "leaseDurationSeconds": _LEASE_SECONDS,
                "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            },
        }
        client.apply(from_dict(lease), field_manager=_MANAGER, force=True)

    def _is_seen(self, client: Client, status: dict[str, Any]) -> bool:
        """Whether the Node says what `status` does, of what tells others that and where the node is there."""
        from lightkube.resources.core_v1 import Node

        found = client.get(Node, self.name).status
        seen = found.to_dict() if found else {}
        conditions = [one.items() for one in seen.get("conditions") or ()]
        return all(any(one.items() <= other for other in conditions) for one in status["conditions"]) and all(
            seen.get(key) == status[key] for key in ("addresses", "daemonEndpoints")
        )

    def _report(self, client: Client, status: dict[str, Any]) -> None:
        from lightkube.resources.core_v1 import Node
        from lightkube.types import PatchType

        heard = [one | {"lastHeartbeatTime": now()} for one in status["conditions"]]
        client.patch(Node.Status, self.name, {"status": status | {"conditions": heard}}, patch_type=PatchType.STRATEGIC)

    def _status(self, left_out: Collection[LeftOut]) -> dict[str, Any]:
        room = {"cpu": "8", "memory": "32Gi", "pods": _PODS}
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "AgentReady",
            "message": "the node agent of meshfleet runs",
        }
        return {
            "capacity": room,
            "allocatable": room,
            # An API server goes by the name, everybody else by the address; istiod by the external one, of node ports.
            "addresses": [
                {"type": "Hostname", "address": "localhost"},
                {"type": "InternalIP", "address": self.address},
                {"type": "ExternalIP", "address": self.address},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.forwarding}},
            "conditions": [ready, condition(left_out)],
        }
