"""Changes that recreate a cluster.

The ranges of an embedded one are arguments of its API server and its controllers, set once; the plugin replaces it, and
everything that the stack has in it follows (meshfleet/plugins/meshfleet/embedded_cluster.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.rollout.transitions.deployed import DeployedFleet
from meshfleet.topology.fleet import Fleet


def address_ranges(deployed: DeployedFleet, fleet: Fleet) -> Iterator[str]:
    """Yield a sentence for each range whose change recreates its cluster."""
    for name, cluster in fleet.clusters.items():
        before = deployed.clusters.get(name)
        if before is None or before.provider != cluster.provider:
            continue
        for key, wanted in (("podCidr", cluster.pod_cidr), ("serviceCidr", cluster.service_cidr)):
            if key not in before.ranges or key not in cluster.capabilities.recreated_by:
                continue
            running, text = before.ranges[key], str(wanted) if wanted else None
            if running != text:
                yield (
                    f"clusters.{name}.{key}: {text or 'the default'} in place of {running or 'the default'} recreates "
                    f"the cluster; what the stack has in it is created again, and all else in it is gone"
                )
