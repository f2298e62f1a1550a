"""What every other component needs to know of a cluster, which `create` of each provider returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import Provider


@dataclass(frozen=True)
class ClusterAccess:
    """A cluster that can be reached.

    `kubeconfig` is secret; `context` empty means the current one; `server` is the URL of the API server; `identity`
    is the same for as long as it is the same cluster.
    `goes_with` is the resource whose deletion takes the cluster's contents along, None when the cluster stays.
    `addresses` are those of a node for gateways, by position (`meshfleet/manifests/load_balancing.py`), where the
    capability `gateway_addresses` is `node`.
    `pods` is `real`, `processes`, or `simulated`, with the reason where they were to be processes. `nodes` are what
    pods wait for: istiod reads region and zone of a pod from its node once, when it first sees the pod.
    """

    name: str
    kubeconfig: pulumi.Output[str]
    context: str
    server: pulumi.Output[str]
    identity: pulumi.Output[str]
    provider: Provider
    goes_with: pulumi.Resource | None
    pods: pulumi.Input[str]
    nodes: Sequence[pulumi.Resource] = ()
    addresses: pulumi.Output[list[str]] | None = None


def kubernetes_provider(
    cluster: str,
    identity: str,
    kubeconfig: pulumi.Input[str],
    context: str,
    opts: pulumi.ResourceOptions,
    *,
    wholly_ours: bool,
    name: str = "kubernetes",
) -> Provider:
    """The one provider of a cluster, or of an API server beside it by `name`; the shell's kubeconfig is never read.

    `identity` is the provider's `clusterIdentifier`, set from the first deployment: without it a new kubeconfig for
    the same cluster would replace everything in it (https://github.com/pulumi/pulumi-kubernetes/issues/2745). It
    stays the same when a cluster is recreated, since the engine closes the connection of a provider it replaces
    before it has deleted what that one made; the objects follow their cluster through `replace_with` instead.
    Secrets and ConfigMaps are changed in place, since replacing `cacerts` or a remote secret deletes it first (#1772).
    """
    return Provider(
        f"{cluster}/{name}",
        kubeconfig=kubeconfig,
        context=context or None,
        cluster_identifier=identity,
        enable_server_side_apply=True,
        enable_secret_mutable=True,
        enable_config_map_mutable=True,
        # A manual change of an object of the stack is reverted instead of rejected as a conflict.
        enable_patch_force=True,
        # After a killed run objects exist that are not in the state; in other clusters they may have another owner.
        upsert_existing_objects=wholly_ours,
        opts=opts,
    )
