"""`meshfleet:index:ClusterIdentity`: which cluster a kubeconfig led to when the stack first used it."""

from __future__ import annotations

import pulumi

from meshfleet.plugins.meshfleet.sdk.cluster_resource import ClusterResource


class ClusterIdentity(ClusterResource):
    """Fails when `kubeconfig` leads to another cluster than the recorded one; use its output `kubeconfig`.

    `identity` is the UID of the namespace `kube-system`, empty until it could be read. `state` is `recorded`, or says
    what answers instead.
    """

    identity: pulumi.Output[str]
    state: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]

    outputs = ("identity", "state")
