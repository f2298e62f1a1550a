"""A cluster's own Istio control plane: the charts base and istiod, and istiod itself, once for each revision.

On a cluster whose pods run, the chart's Deployment is istiod. Where they are simulated, istiod is a process beside
the cluster, and the charts make the API server call that process's webhooks.
Source: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.cluster import ClusterAccess
from components.component import Component
from components.helm_release import HelmRelease, helm_release
from components.istiod_process import process_address, start_process, webhooks_at
from components.kubernetes_object import KubernetesObject
from components.trust import TrustResources
from manifests import ambient, gateway_api, revision_tags
from manifests import control_plane as manifests
from plugins.meshfleet.sdk import Istiod, IstiodAddress, ServedCluster
from topology import Fleet


@dataclass(frozen=True)
class ControlPlaneResources:
    """What a cluster has of its control plane; mappings are by revision.

    `addresses` and `processes` are those of istiod processes that carry the cluster's name; `hosted` are the releases
    of an external istiod where it runs; `served` is there when another cluster's istiod serves this one.
    """

    base: HelmRelease
    istiods: Mapping[str, HelmRelease]
    addresses: Mapping[str, IstiodAddress] = field(default_factory=dict)
    processes: Mapping[str, Istiod] = field(default_factory=dict)
    hosted: Mapping[str, HelmRelease] = field(default_factory=dict)
    served: Mapping[str, ServedCluster] = field(default_factory=dict)

    @property
    def charts(self) -> list[pulumi.Resource]:
        """The releases, which hold the reader's account and what it may read."""
        return [self.base, *self.istiods.values()]

    @property
    def ready(self) -> list[pulumi.Resource]:
        """What to wait for before anything in the cluster needs istiod to answer."""
        return list((self.served or self.processes or self.hosted or self.istiods).values())


def registered_tags(
    component: Component,
    fleet: Fleet,
    access: ClusterAccess,
    webhooks: manifests.Webhooks | None,
    after: HelmRelease,
) -> None:
    """Register the revision tags of a cluster, after the chart of the revision they stand for."""
    for tag, manifest in revision_tags.tags(fleet, access.name, webhooks).items():
        KubernetesObject(
            f"{access.name}/tag-{tag}",
            manifest,
            component.child(provider=access.provider, after=[after], deleted_with=access.goes_with),
        )


class ControlPlane(Component):
    """Brings up istiod for one cluster, after its namespace and its `cacerts`."""

    def __init__(
        self,
        fleet: Fleet,
        access: ClusterAccess,
        namespace: pulumi.Resource,
        trust: TrustResources,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__(access.name, opts)
        cluster, istio = access.name, fleet.istio
        simulated = fleet.clusters[cluster].simulated
        addresses = {name: process_address(self, fleet, cluster, name) for name in istio.installed if simulated}
        webhooks = {name: webhooks_at(fleet, cluster, address) for name, address in addresses.items()}

        def in_cluster(*after: pulumi.Resource) -> pulumi.ResourceOptions:
            return self.child(provider=access.provider, after=after, deleted_with=access.goes_with)

        before = [
            helm_release(f"{cluster}/{name}", fleet, cluster, release, in_cluster(namespace))
            for name, release in gateway_api.before(fleet, cluster).items()
        ]
        base = helm_release(
            f"{cluster}/istio-base",
            fleet,
            cluster,
            manifests.base(fleet, cluster, webhooks.get(istio.revision)),
            in_cluster(namespace, *before),
        )
        istiods = {
            revision: helm_release(
                f"{cluster}/{manifests.istiod_service(revision)}",
                fleet,
                cluster,
                manifests.istiod(fleet, cluster, revision, webhooks.get(revision), roots=trust.fingerprints),
                in_cluster(base, trust.cacerts),
                revision=revision,
            )
            for revision in istio.installed
        }
        registered_tags(self, fleet, access, webhooks.get(istio.revision), istiods[istio.revision])
        processes = {
            revision: start_process(self, fleet, access, revision, address, trust, after=[istiods[revision]])
            for revision, address in addresses.items()
        }
        self.resources = ControlPlaneResources(base, istiods, addresses, processes)
        for name, release in ambient.after(fleet, cluster, trust.fingerprints).items():
            helm_release(f"{cluster}/{name}", fleet, cluster, release, in_cluster(*self.resources.ready))
        self.done()
