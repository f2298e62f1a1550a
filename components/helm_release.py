"""Registers a Helm release of one of Istio's charts.

Releases and not templated charts: Istio's charts have upgrade logic that needs a real `helm upgrade`
(https://github.com/pulumi/pulumi-kubernetes/issues/2210).
"""

from __future__ import annotations

from typing import Any

import pulumi

from components.tokens import BUILT_CHARTS, GATEWAY_API_CHART
from manifests import Chart, Release
from topology import Fleet


class HelmRelease(pulumi.CustomResource):
    """A Helm release through the ordinary Kubernetes provider.

    The same as `pulumi_kubernetes.helm.v3.Release`, which is not used because importing it brings in every module
    for client-side charts and an HTTP client: a quarter of a second in every run.
    """

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__("kubernetes:helm.sh/v3:Release", name, {"status": None, **inputs}, opts)


def chart_source(fleet: Fleet, cluster: str, chart: str, version: str) -> dict[str, Any]:
    """Where the chart of a version of Istio comes from for a cluster, as inputs of a Release.

    An istiod run as a process must have the charts it was built with; other clusters follow `istio.charts`.
    """
    charts = fleet.istio.charts
    if chart == Chart.GATEWAY_API:
        return {"chart": GATEWAY_API_CHART}
    if fleet.clusters[cluster].simulated:
        return {"chart": f"{BUILT_CHARTS}/{chart}"}
    if charts.folder:
        return {"chart": f"{charts.folder}/{chart}"}
    version = version if version.count(".") == 2 else f"{version}.0"
    if charts.repository.startswith("oci://"):
        return {"chart": f"{charts.repository}/{chart}", "version": version}
    return {"chart": chart, "version": version, "repositoryOpts": {"repo": charts.repository}}


def helm_release(
    name: str, fleet: Fleet, cluster: str, release: Release, opts: pulumi.ResourceOptions, *, revision: str = ""
) -> HelmRelease:
    """Register `release` in `cluster` under the logical name `name`; awaited for ten minutes at most if it waits.

    It is of the version of `revision`; without one of the newest that is installed, which the others get along with.
    """
    istio = fleet.istio
    versions = [istio.version_of(each) for each in ([revision] if revision else istio.installed)]
    version = max(versions, key=lambda text: [int(part) for part in text.split(".")])
    inputs = {
        "name": release.name,
        "namespace": release.namespace,
        "values": release.values,
        "skipAwait": not release.wait,
        "timeout": 600,
        **chart_source(fleet, cluster, release.chart, version),
    }
    return HelmRelease(name, inputs, opts)
