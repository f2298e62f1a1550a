"""A cluster that is there already, however it was made: an explicit kubeconfig and an explicit context.

Source: https://www.pulumi.com/registry/packages/kubernetes/api-docs/provider/
"""

from __future__ import annotations

import pulumi

from meshfleet.components.cluster import ClusterAccess, kubernetes_provider
from meshfleet.components.component import Component
from meshfleet.components.kubeconfig_file import KubeconfigFile
from meshfleet.plugins.meshfleet.sdk import ClusterIdentity
from meshfleet.providers.existing.settings import Existing
from meshfleet.topology import Fleet


def create(
    fleet: Fleet, cluster: str, kubeconfig: KubeconfigFile | None, opts: pulumi.ResourceOptions
) -> ClusterAccess:
    """Register the cluster (`meshfleet.providers.creation.Create`). Raises `ValueError` without its kubeconfig."""
    if kubeconfig is None:
        raise ValueError(f"{cluster}: the kubeconfig of an existing cluster is missing; pass it in kubeconfigs")
    return ExistingCluster(fleet, cluster, kubeconfig, opts).access


class ExistingCluster(Component):
    """Nothing of the cluster itself is managed; destroying the stack removes what the stack put there."""

    def __init__(self, fleet: Fleet, cluster: str, kubeconfig: KubeconfigFile, opts: pulumi.ResourceOptions) -> None:
        super().__init__(cluster, opts)
        existing = fleet.clusters[cluster].settings(Existing)
        context = existing.context
        identity = ClusterIdentity(
            f"{cluster}/identity",
            cluster=cluster,
            kubeconfig=kubeconfig.content,
            context=context or None,
            opts=self.child(),
        )
        # Only through it, so that nothing is touched in a cluster that is not the recorded one.
        content: pulumi.Output[str] = pulumi.Output.secret(identity.kubeconfig)
        provider = kubernetes_provider(
            cluster, f"{fleet.name}/{cluster}", content, context, self.child(), wholly_ours=False
        )
        self.access = ClusterAccess(
            name=cluster,
            kubeconfig=content,
            context=context,
            server=pulumi.Output.from_input(kubeconfig.server),
            identity=identity.identity,
            provider=provider,
            goes_with=None,
            pods=existing.pods,
        )
        self.done({"server": kubeconfig.server})
