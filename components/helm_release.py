"""Registers a Helm release of one of Istio's charts.

Releases and not templated charts: Istio's charts have upgrade logic that needs a real `helm upgrade`
(https://github.com/pulumi/pulumi-kubernetes/issues/2210).
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_kubernetes.helm.v3 import Release as KubernetesRelease
from pulumi_kubernetes.helm.v3 import RepositoryOptsArgs

from manifests import Release
from topology import Fleet

# A relative path, kept as a link by the command, so that the state of a stack names no place of one machine.
BUILT_CHARTS = ".meshfleet/charts"


def chart_source(fleet: Fleet, cluster: str, chart: str) -> dict[str, Any]:
    """Where a chart comes from for a cluster, as arguments of a Release.

    An istiod run as a process must have the charts it was built with; other clusters follow `istio.charts`.
    """
    charts = fleet.istio.charts
    if fleet.clusters[cluster].simulated:
        return {"chart": f"{BUILT_CHARTS}/{chart}"}
    if charts.folder:
        return {"chart": f"{charts.folder}/{chart}"}
    version = fleet.istio.version if fleet.istio.version.count(".") == 2 else f"{fleet.istio.version}.0"
    if charts.repository.startswith("oci://"):
        return {"chart": f"{charts.repository}/{chart}", "version": version}
    return {"chart": chart, "version": version, "repository_opts": RepositoryOptsArgs(repo=charts.repository)}


def helm_release(
    name: str, fleet: Fleet, cluster: str, release: Release, opts: pulumi.ResourceOptions
) -> KubernetesRelease:
    """Register `release` in `cluster` under the logical name `name`; awaited for ten minutes at most if it waits."""
    return KubernetesRelease(
        name,
        name=release.name,
        namespace=release.namespace,
        values=release.values,
        skip_await=not release.wait,
        timeout=600,
        **chart_source(fleet, cluster, release.chart),
        opts=opts,
    )
