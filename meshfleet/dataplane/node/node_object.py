"""The Node that an agent stands for: its status, and the lease by which its cluster knows that it is there.

Source: https://kubernetes.io/docs/concepts/architecture/leases/#node-heart-beats
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from meshfleet.dataplane.node.left_out import LeftOut, condition
from meshfleet.kube.api_errors import api_errors

if TYPE_CHECKING:
    from lightkube import Client

_MANAGER: Final = "meshfleet"
_LEASE_SECONDS: Final = 40
_PODS: Final = "60"


def keep_alive(client: Client, name: str, address: str, forwarding: int, left_out: Collection[LeftOut] = ()) -> None:
    """Report that the node is ready and what it does without, and renew its lease. Raises ClusterError.

    `forwarding` is the port on loopback where port-forwarding to its pods is asked for, which KWOK does for all nodes
    of a cluster (meshfleet.kube.port_forward); 0 where there is none.
    """
    from lightkube.codecs import from_dict
    from lightkube.resources.core_v1 import Node
    from lightkube.types import PatchType

    moment = datetime.now(UTC)
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {
            "holderIdentity": name,
            "leaseDurationSeconds": _LEASE_SECONDS,
            "renewTime": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }
    with api_errors(f"node {name}"):
        client.apply(from_dict(lease), field_manager=_MANAGER, force=True)
        client.patch(
            Node.Status,
            name,
            {"status": _status(address, forwarding, moment, left_out)},
            patch_type=PatchType.STRATEGIC,
        )


def _status(address: str, forwarding: int, moment: datetime, left_out: Collection[LeftOut]) -> dict[str, Any]:
    room = {"cpu": "8", "memory": "32Gi", "pods": _PODS}
    ready = {"type": "Ready", "status": "True", "reason": "AgentReady", "message": "the node agent of meshfleet runs"}
    return {
        "capacity": room,
        "allocatable": room,
        # An API server goes by the name, everybody else by the address; istiod by the external one, of node ports.
        "addresses": [
            {"type": "Hostname", "address": "localhost"},
            {"type": "InternalIP", "address": address},
            {"type": "ExternalIP", "address": address},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": forwarding}},
        "conditions": [
            ready | {"lastHeartbeatTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ")},
            condition(left_out, moment),
        ],
    }
