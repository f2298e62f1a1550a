"""Registers a Helm release of one of Istio's charts.

Releases and not templated charts: Istio's charts have upgrade logic that needs a real `helm upgrade`
(https://github.com/pulumi/pulumi-kubernetes/issues/2210).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from meshfleet.components.call_stack import without_call_stack
from meshfleet.components.chart_digest import chart_digest
from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.karmada_chart import package_place
from meshfleet.components.tokens import (
    CERT_MANAGER_CHART,
    CERT_MANAGER_PODS_CHART,
    GATEWAY_API_CHART,
    RELEASE_OBJECTS,
    built_charts,
)
from meshfleet.kube.releases.owner import MARK, Owner
from meshfleet.manifests import Chart, Release
from meshfleet.manifests.karmada_control_plane import chart_of
from meshfleet.plugins.meshfleet.sdk import ReleaseObjects
from meshfleet.topology import Fleet
from meshfleet.topology.istio import Charts
from meshfleet.workspace.project_folder import project_folder


class HelmRelease(pulumi.CustomResource):
    """A Helm release through the ordinary Kubernetes provider.

    The same as `pulumi_kubernetes.helm.v3.Release`, which is not used because importing it brings in every module
    for client-side charts and an HTTP client: a quarter of a second in every run.
    """

    def __init__(self, name: str, inputs: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        with without_call_stack():
            super().__init__("kubernetes:helm.sh/v3:Release", name, {"status": None, **inputs}, opts)


def chart_source(fleet: Fleet, cluster: str, chart: str, version: str) -> dict[str, Any]:
    """Where a chart comes from for a cluster, as inputs of a Release; one of Istio's in a version of Istio.

    An istiod that is built here must have the charts it was built with; other clusters follow `istio.charts`.
    """
    if chart == Chart.GATEWAY_API:
        return {"chart": GATEWAY_API_CHART}
    if chart == Chart.CERT_MANAGER:
        installed = fleet.cert_manager_of(cluster)
        if fleet.runs_cert_manager(cluster) or not installed:
            return {"chart": CERT_MANAGER_CHART}
        if not fleet.clusters[cluster].capabilities.runs_published:
            return {"chart": CERT_MANAGER_PODS_CHART}
        return _of(installed.charts, chart, f"v{installed.version}")
    if chart == Chart.ISTIO_CSR:
        istio_csr = fleet.meshes[fleet.mesh_of(cluster)].trust.istio_csr
        return _of(istio_csr.charts, chart, f"v{istio_csr.version}")
    if chart == Chart.KARMADA:
        declared = chart_of(fleet)
        assert declared is not None  # it has a release
        return {"chart": as_engine_sees(declared.folder) if declared.folder else package_place(declared)}
    if not fleet.clusters[cluster].capabilities.runs_published:
        return {"chart": f"{built_charts(version)}/{chart}"}
    return _of(fleet.istio.charts, chart, version if version.count(".") == 2 else f"{version}.0")


def _of(charts: Charts, chart: str, version: str) -> dict[str, Any]:
    if charts.folder:
        return {"chart": f"{as_engine_sees(charts.folder)}/{chart}"}
    if charts.repository.startswith("oci://"):
        return {"chart": f"{charts.repository}/{chart}", "version": version}
    return {"chart": chart, "version": version, "repositoryOpts": {"repo": charts.repository}}


def as_engine_sees(folder: str) -> str:
    """A folder of the stack file, which is relative to the project; the engine may run in another one."""
    project = project_folder()
    if project.declared or Path(folder).expanduser().is_absolute():
        return folder
    return str(project.root / folder)


def marked(values: Mapping[str, Any], fleet: str, cluster: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a release, and with them whose it is and which chart it was made of.

    Below `global`, where every chart takes what it does not know. A chart on this machine may change under the same
    version, which by its digest is a change of values to any plugin.
    """
    owner = Owner(fleet, cluster).as_value()
    digest = None if "repositoryOpts" in source else chart_digest(str(source["chart"]))
    mark = owner | ({"chart": digest} if digest else {})
    return {**values, "global": {**values.get("global", {}), MARK: mark}}


def helm_release(
    name: str,
    fleet: Fleet,
    access: ClusterAccess,
    release: Release,
    opts: pulumi.ResourceOptions,
) -> HelmRelease:
    """Register `release` in a cluster under the logical name `name`; awaited for ten minutes at most if it waits.

    Its objects are registered with it, so that a refresh looks at each of them.
    """
    istio = fleet.istio
    versions = [istio.version_of(each) for each in ([release.revision] if release.revision else istio.installed)]
    version = max(versions, key=lambda text: [int(part) for part in text.split(".")])
    source = chart_source(fleet, access.name, release.chart, version)
    inputs = {
        "name": release.name,
        "namespace": release.namespace,
        "values": marked(release.values, fleet.name, access.name, source),
        "skipAwait": not release.wait,
        "timeout": 600,
        **source,
    }
    made = HelmRelease(name, inputs, opts)
    ReleaseObjects(
        f"{name}{RELEASE_OBJECTS}",
        namespace=release.namespace,
        release=release.name,
        kubeconfig=access.kubeconfig,
        context=access.context or None,
        opts=pulumi.ResourceOptions(
            parent=opts.parent,
            depends_on=[made],
            deleted_with=opts.deleted_with,
            replace_with=opts.replace_with,
            aliases=[pulumi.Alias(name=f"{name}-parts")],
        ),
    )
    return made
