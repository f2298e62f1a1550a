"""What an `up` that did not reach a cluster has not revoked there, by name."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from meshfleet.automation.pending_revocations import pending_revocations
from meshfleet.manifests import identities
from meshfleet.manifests.placeholders import Placeholders
from meshfleet.topology import Fleet
from tests.federation.identified import Config, fleet_with

pytestmark = pytest.mark.proof("users may do in each member what is declared", step=0)

PODS: Config = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "delete"]}
DECLARED: Config = {
    "users": {"ada": {"name": "ada@shop.example"}, "bruno": {}},
    "groups": {"staff": {"users": ["ada", "bruno"]}},
    "serviceAccounts": {"deployer": {"namespace": "tools"}},
    "roles": {"reader": {"rules": [PODS]}},
    "bindings": {
        "readers": {"role": "reader", "subjects": {"groups": ["staff"]}, "namespaces": ["shop"]},
        "deployers": {"role": "edit", "subjects": {"serviceAccounts": ["deployer"]}, "namespaces": ["tools"]},
    },
}


def recorded(fleet: Fleet, *clusters: str) -> dict[str, Any]:
    """The state in which these clusters have what a fleet declares."""
    return {
        "resources": [
            {
                "urn": f"urn:pulumi:x::meshfleet::{one.body['kind']}::{cluster}/{one.name}",
                "type": f"kubernetes:{one.body['kind']}",
                "inputs": one.body,
            }
            for cluster in clusters
            for one in identities.documents(fleet, cluster, Placeholders(fleet))
            if isinstance(one.body, dict)
        ]
    }


def test_rights_that_one_cluster_still_gives_are_named_with_who_has_them() -> None:
    before = fleet_with(DECLARED)
    assert pending_revocations(before, recorded(before, "west", "east")) == []
    declared = copy.deepcopy(DECLARED)
    declared["groups"]["staff"]["users"] = ["bruno"]
    del declared["bindings"]["deployers"]
    declared["roles"]["reader"]["rules"] = [PODS | {"verbs": ["get"]}]
    after = fleet_with(declared)
    state = recorded(after, "west")
    state["resources"] += recorded(before, "east")["resources"]
    assert pending_revocations(after, state) == [
        "east: not revoked there yet: the former rules of meshfleet:reader, the service account tools/deployer by "
        "meshfleet:deployers, 'ada@shop.example' by meshfleet:readers; these rights hold until meshfleet up reaches "
        "the cluster"
    ]
    assert pending_revocations(after, recorded(after, "west", "east")) == []


def test_all_that_a_cluster_had_is_pending_where_nothing_is_declared_any_more() -> None:
    before, after = fleet_with(DECLARED), fleet_with({})
    (line,) = pending_revocations(after, recorded(before, "east"))
    assert "the group 'staff' by meshfleet:readers" in line
    # What is granted later is no revocation.
    assert pending_revocations(before, recorded(after, "west", "east")) == []


def test_a_state_that_is_not_readable_in_parts_is_no_failure_of_its_own() -> None:
    fleet = fleet_with({})
    resource = recorded(fleet_with(DECLARED), "east")["resources"][-1]
    resource["inputs"] = resource["inputs"] | {"subjects": {"4dabf18193072939515e22adb298388d": "secret"}}
    assert pending_revocations(fleet, {"resources": [resource, {"urn": "urn", "type": "t"}]}) == []
