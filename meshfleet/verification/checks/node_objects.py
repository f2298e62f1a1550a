"""The node of a cluster whose pods are processes supports every object of its cluster.

An object that a node cannot route or run does not affect others; a node condition lists the unsupported objects.
Source: https://kubernetes.io/docs/reference/node/node-status/#condition
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
    """Reads the condition that each node agent reports."""

    name = "node-objects"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return tuple(cluster for cluster in fleet.clusters if cluster.pods == "processes")

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        with reach(cluster, timeout) as client:
            return judge(cluster, client.list(Node))


def judge(cluster: ClusterView, nodes: Iterable[Any]) -> Finding:
    """Whether each node that reports the condition supports all objects."""
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
                    f"{node.metadata.name} does not support: {condition.message}; correct these objects "
                    "(kubectl get events -A --field-selector reason=LeftOut); other objects are not affected",
                )
    if not count:
        return Finding(False, f"no node agent of {cluster.name} reports its condition; run meshfleet up again")
    return Finding(True, f"the node of {cluster.name} supports every object of its cluster")
