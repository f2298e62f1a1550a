"""`meshfleet:index:IstiodConfigMapCleanup`: removes istiod's ConfigMaps from a cluster that outlives the stack."""

from __future__ import annotations

from meshfleet.plugins.meshfleet.sdk.cluster_resource import ClusterResource


class IstiodConfigMapCleanup(ClusterResource):
    """Removes them when it is deleted. Charts that authorize an istiod must depend on it, to be deleted before it."""

    outputs = ()
