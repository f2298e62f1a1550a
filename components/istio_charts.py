"""Istio's charts in a cluster, wherever its istiod runs: base, istiod once for each revision, and the revision tags.

Source: https://istio.io/latest/docs/setup/install/helm/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.component import Component
from meshfleet.components.helm_release import HelmRelease, helm_release
from meshfleet.components.kubernetes_object import KubernetesObject
from meshfleet.manifests import control_plane as manifests
from meshfleet.manifests import gateway_api, revision_tags
from meshfleet.topology import Fleet


@dataclass(frozen=True)
class IstioCharts:
    """The releases of a cluster's own Istio, `istiods` by revision, and the webhooks of its tags."""

    base: HelmRelease
    istiods: Mapping[str, HelmRelease]
    tags: Sequence[KubernetesObject]


def istio_charts(
    component: Component,
    fleet: Fleet,
    access: ClusterAccess,
    prepared: pulumi.Resource,
    webhooks: Mapping[str, manifests.Webhooks],
    *,
    after: Sequence[pulumi.Resource] = (),
    roots: pulumi.Output[str] | None = None,
    address: pulumi.Output[str] | None = None,
) -> IstioCharts:
    """Register the charts as children of `component`: base after `prepared`, the istiods after that and `after`.

    `webhooks` are by revision, of those whose istiod is a process; `roots` and `address` as `manifests.istiod` has
    them.
    """
    cluster, istio = access.name, fleet.istio

    def in_cluster(*waits: pulumi.Resource) -> pulumi.ResourceOptions:
        return component.child(provider=access.provider, after=waits, deleted_with=access.goes_with)

    before = [
        helm_release(f"{cluster}/{name}", fleet, access, release, in_cluster(prepared))
        for name, release in gateway_api.before(fleet, cluster).items()
    ]
    base = helm_release(
        f"{cluster}/istio-base",
        fleet,
        access,
        manifests.base(fleet, cluster, webhooks.get(istio.revision)),
        in_cluster(prepared, *before),
    )
    istiods = {
        revision: helm_release(
            f"{cluster}/{manifests.istiod_service(revision)}",
            fleet,
            access,
            manifests.istiod(fleet, cluster, revision, webhooks.get(revision), roots=roots, address=address),
            in_cluster(base, *after),
            revision=revision,
        )
        for revision in istio.installed
    }
    tags = [
        # After the chart of the revision that the tags stand for.
        KubernetesObject(f"{cluster}/tag-{tag}", fleet, manifest, in_cluster(istiods[istio.revision]))
        for tag, manifest in revision_tags.tags(fleet, cluster, webhooks.get(istio.revision)).items()
    ]
    return IstioCharts(base, istiods, tags)
