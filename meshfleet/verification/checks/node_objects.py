"""The node of a cluster whose pods are processes does all that its cluster has for it, and leaves nothing out.

An object that a node cannot route or run stops no other; the node says in a condition of its own which it does without,
for as long as it does. Source: https://kubernetes.io/docs/reference/node/node-status/#condition
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lightkube.resources.core_v1 import Node

from meshfleet.dataplane.node.left_out import CONDITION
from meshfleet.verification.check import Finding
from meshfleet.verification.cluster_api import reach
from meshfleet.verification.proxy_check import ProxyCheck
from meshfleet.verification.view import ClusterView, FleetView


class NodeObjects(ProxyCheck):
    """Reads what each node agent reports."""

    name = "node-objects"

    def concerns(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(cluster for cluster in fleet.clusters if cluster.pods == "processes")

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        with reach(cluster, patience) as client:
            return judge(cluster, client.list(Node))


def judge(cluster: ClusterView, nodes: Iterable[Any]) -> Finding:
    """Whether each node that reports on its objects accepts all of them."""
    count = 0
    for node in nodes:
        conditions = (node.status.conditions if node.status else None) or ()
        for condition in conditions:
            if condition.type != CONDITION:
                continue
            count += 1
            if condition.status != "True":
                return Finding(
                    False,
                    f"{node.metadata.name} does without: {condition.message}; correct these objects "
                    "(kubectl get events -A --field-selector reason=LeftOut), all others are served",
                )
    if not count:
        return Finding(False, f"no node agent of {cluster.name} reports on its objects; run meshfleet up again")
    return Finding(True, f"the node of {cluster.name} does all that its cluster has for it")
