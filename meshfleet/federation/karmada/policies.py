"""The specifications of policies: which object, where it goes, and what becomes of it.

Source: https://karmada.io/docs/userguide/scheduling/propagation-policy/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from meshfleet.topology.propagation.failover import ClusterFailover
from meshfleet.topology.propagation.kinds import ObjectKey
from meshfleet.topology.propagation.propagation import Propagation

Object = dict[str, Any]
POLICY: Final = "policy.karmada.io/v1alpha1"
UNREACHABLE: Final = "meshfleet/unreachable"
"""The key of the taint of a cluster that is not ready, for fleets with failover."""


def selector(body: Object, key: ObjectKey) -> Object:
    """The selection of one object."""
    made = {"apiVersion": body["apiVersion"], "kind": key.kind, "name": key.name}
    return made | ({"namespace": key.namespace} if key.namespace else {})


def propagation_spec(selected: Object, placement: Object, propagation: Propagation, *, evicts: bool) -> Object:
    """The `spec` of the policy of an object; `evicts` says whether clusters that are not ready get a taint."""
    made: Object = {
        "resourceSelectors": [selected],
        "placement": placement | _tolerating(placement, propagation.failover, evicts=evicts),
        "conflictResolution": propagation.conflict_resolution,
        "preserveResourcesOnDeletion": propagation.preserve_resources_on_deletion,
    }
    if propagation.failover is not None:
        # The old copy stays until the new one is ready; its API has no word for one that stays for good.
        made["failover"] = {"cluster": {"purgeMode": "Gracefully"}}
    return made


def _tolerating(placement: Object, failover: ClusterFailover | None, *, evicts: bool) -> Object:
    """The toleration of the taint of clusters that are not ready: for a while with failover, for good without."""
    if not evicts:
        return {}
    one: Object = {"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute"}
    if failover is not None:
        one["tolerationSeconds"] = failover.after_seconds
    return {"clusterTolerations": [one, *placement.get("clusterTolerations", ())]}


def override_spec(selected: Object, rules: Sequence[Object]) -> Object:
    """The `spec` of the override policy of an object."""
    return {"resourceSelectors": [selected], "overrideRules": list(rules)}


def taint_spec() -> Object:
    """The `spec` of the policy that gives clusters that are not ready a taint; Karmada gives them none that evicts.

    Source: https://karmada.io/docs/userguide/failover/cluster-failover/
    """
    condition = {"conditionType": "Ready", "operator": "In"}
    return {
        "addOnConditions": [condition | {"statusValues": ["False", "Unknown"]}],
        "removeOnConditions": [condition | {"statusValues": ["True"]}],
        "taints": [{"key": UNREACHABLE, "effect": "NoExecute"}],
    }
