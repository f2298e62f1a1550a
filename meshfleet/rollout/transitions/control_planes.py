"""A control plane is removed only once no cluster depends on it.

Source: https://istio.io/latest/docs/ops/deployment/deployment-models/#control-plane-models
"""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.redaction.shown import shown
from meshfleet.rollout.transitions.clusters import AGAIN
from meshfleet.rollout.transitions.deployed import DeployedFleet
from meshfleet.topology.fleet import Fleet


def namespaces(deployed: DeployedFleet, fleet: Fleet) -> Iterator[Fault]:
    """Yield a fault for each cluster whose control plane would be in another namespace, as an external one is.

    Istio's CRDs and cluster-wide objects belong to a Helm release in one namespace, and Helm gives them to no other
    (checkOwnership in pkg/action/validate.go of helm/helm).
    """
    for name, cluster in fleet.clusters.items():
        before, after = deployed.clusters.get(name), fleet.system_namespace(name)
        if before and before.namespace and before.namespace != after:
            yield Fault(
                f"clusters.{name}.controlPlane",
                f"{_written(cluster.control_plane.kind, cluster.control_plane.of)} has the control plane in the "
                f"namespace {after}, but the cluster has it in {before.namespace}, to which Istio's definitions "
                f"belong: {AGAIN}; where the cluster stays remove Istio's CRDs in between",
            )


def primaries_that_turn_remote(deployed: DeployedFleet, fleet: Fleet) -> Iterator[Fault]:
    """Yield a fault for each cluster that would give up its control plane while others still depend on it.

    All of them would change in one run, in no order that keeps them served.
    """
    for name, cluster in fleet.clusters.items():
        before, plane = deployed.clusters.get(name), cluster.control_plane
        if before is None or before.kind in ("", "remote") or plane.kind != "remote":
            continue
        served = [other for other in deployed.served_by(name) if other in fleet.clusters]
        if served:
            yield Fault(
                f"clusters.{name}.controlPlane.remote",
                f"{shown(name)} still serves {', '.join(map(shown, served))}; first give "
                f"{'it' if len(served) == 1 else 'them'} another control plane and run up, then make {shown(name)} "
                "remote",
            )


def primaries_that_go(deployed: DeployedFleet, fleet: Fleet) -> Iterator[Fault]:
    """Yield a fault for each cluster that would lose its control plane before the next one is there.

    What goes is removed last, after all else has been brought up; so it may go as soon as the cluster is served by
    itself, or by others that run already.
    """
    for name in fleet.clusters:
        lost = [server for server in sorted(deployed.servers_of(name)) if _goes(server, deployed, fleet)]
        new = [server for server in sorted(_servers_of(fleet, name)) if not _runs(server, deployed, fleet)]
        if lost and new:
            plane = fleet.clusters[name].control_plane
            yield Fault(
                f"clusters.{name}.controlPlane.{plane.kind}",
                f"{', '.join(map(shown, new))} has no control plane yet, and {', '.join(map(shown, lost))}, which "
                f"serves {shown(name)}, goes in the same run; keep {', '.join(map(shown, lost))} until "
                f"{shown(name)} is served by {', '.join(map(shown, new))}, then take it out",
            )


def _servers_of(fleet: Fleet, name: str) -> set[str]:
    return {fleet.primary_of(name), fleet.hosting(name)} - {name}


def _goes(server: str, deployed: DeployedFleet, fleet: Fleet) -> bool:
    # A server that is not deployed was forgotten: no cluster depends on it.
    return server in deployed.clusters and server not in fleet.clusters


def _runs(server: str, deployed: DeployedFleet, fleet: Fleet) -> bool:
    before = deployed.clusters.get(server)
    return before is not None and before.kind == fleet.clusters[server].control_plane.kind != "remote"


def _written(kind: str, of: str) -> str:
    return f"{{{kind}: {of}}}" if of else kind
