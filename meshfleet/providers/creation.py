"""How a provider creates a cluster: the signature of `create` in its `cluster.py`, and what calls it."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol

import pulumi

from meshfleet.components.cluster import ClusterAccess
from meshfleet.components.kubeconfig_file import KubeconfigFile
from meshfleet.providers.registry import module_of
from meshfleet.topology import Fleet


class Create(Protocol):
    """Registers a cluster of a fleet, below the parent in `opts`, and returns its access.

    `kubeconfig` is the file that the user names, where the capability `context` names one. Everything in the cluster
    is registered through `ClusterAccess.provider`, the only way to it.
    """

    def __call__(
        self, fleet: Fleet, cluster: str, kubeconfig: KubeconfigFile | None, opts: pulumi.ResourceOptions
    ) -> ClusterAccess:
        """Register the cluster."""
        ...


def create_cluster(
    fleet: Fleet, cluster: str, kubeconfig: KubeconfigFile | None, opts: pulumi.ResourceOptions
) -> ClusterAccess:
    """Register a cluster of a checked fleet, by its provider."""
    create: Create = import_module(module_of(fleet.clusters[cluster].provider, "cluster")).create
    return create(fleet, cluster, kubeconfig, opts)
