"""`istioctl remote-clusters` reports every cluster of the mesh as synced, through the cluster's API server.

The command lists the running Pods of istiod and forwards a port to each. The Pod of an embedded cluster is
simulated: KWOK forwards the connection to the istiod process (its resource ClusterPortForward),
so that an unmodified istioctl works on every kind of cluster.
Sources: https://istio.io/latest/docs/reference/commands/istioctl/#istioctl-remote-clusters and
sigs.k8s.io/kwok, pkg/kwok/server/debugging_port_forword.go.
"""

from __future__ import annotations

from meshfleet.errors import VerificationError
from meshfleet.verification.check import Check, Finding
from meshfleet.verification.checks import clusters_synced
from meshfleet.verification.istioctl import istioctl
from meshfleet.verification.istiod import KnownCluster
from meshfleet.verification.view import ClusterView, FleetView

COLUMNS = ("NAME", "SECRET", "STATUS", "ISTIOD")


class IstioctlRemoteClusters(Check):
    """Runs `istioctl remote-clusters` on every control plane."""

    name = "istioctl-remote-clusters"

    def targets(self, fleet: FleetView) -> tuple[ClusterView, ...]:
        return fleet.istiods()

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        arguments = ["remote-clusters", f"--revision={cluster.control_plane.revision}"]
        # The Pod of an external istiod is in the cluster that runs it, not in the cluster that it serves.
        printed = istioctl(fleet, cluster, arguments, timeout, at=fleet.istiod_host_of(cluster))
        return judge(fleet, cluster, printed)


def judge(fleet: FleetView, cluster: ClusterView, printed: str) -> Finding:
    """Whether each istiod in the printed table lists the mesh of `cluster`, all synced, and nothing else.

    Raises VerificationError when `printed` is not that table.
    """
    table = rows(printed)
    if not table:
        return Finding(
            False, f"istioctl remote-clusters finds no istiod in {cluster.name}; check that its Pod is running"
        )
    for istiod, known in sorted(table.items()):
        finding = clusters_synced.judge(fleet, cluster, known)
        if not finding.passed:
            return Finding(False, f"{istiod}: {finding.detail}")
    names = sorted({entry.id for known in table.values() for entry in known})
    return Finding(True, f"{', '.join(sorted(table))} of {cluster.name} reports {', '.join(names)} synced")


def rows(printed: str) -> dict[str, list[KnownCluster]]:
    """The table by istiod. Columns are cut at the positions of their titles: the SECRET of the local cluster is empty.

    Raises VerificationError if the titles differ.
    """
    lines = printed.splitlines()
    header = lines[0] if lines else ""
    starts = [header.find(title) for title in COLUMNS]
    if -1 in starts or starts != sorted(starts):
        raise VerificationError(f"istioctl remote-clusters printed {header!r}, not a table of {', '.join(COLUMNS)}")
    revision = header.find("REVISION")
    ends = [*starts[1:], revision if revision > 0 else None]
    table: dict[str, list[KnownCluster]] = {}
    for line in lines[1:]:
        if line.strip():
            name, secret, status, istiod = (line[start:end].strip() for start, end in zip(starts, ends, strict=True))
            table.setdefault(istiod, []).append(KnownCluster(id=name, secret=secret, status=status))
    return table
