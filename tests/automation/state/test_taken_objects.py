"""What a cluster has already is recorded as the engine would, and the engine takes the state."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.automation.pending_objects import as_recorded
from meshfleet.automation.state.taken_objects import TakenObject, ground_of, resource_of, with_taken
from meshfleet.manifests.propagated_mark import Mark
from meshfleet.topology.propagation.kinds import key_of
from tests.automation.recorded_states import damage

pytestmark = pytest.mark.proof("an object that is there already is refused, or taken over on request", step=0)

FLEET = "urn:pulumi:dev::meshfleet::meshfleet:components:Fleet::dev"
COMPONENT = "urn:pulumi:dev::meshfleet::meshfleet:components:Fleet$meshfleet:components:Propagations::west"
PROVIDER = "urn:pulumi:dev::meshfleet::meshfleet:components:Fleet$pulumi:providers:kubernetes::west/kubernetes"
TOKEN = "kubernetes:core/v1:ConfigMap"
BODY: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "web", "namespace": "shop", "annotations": Mark("dev", "old", "0").annotation()},
}


def state(*more: dict[str, Any]) -> dict[str, Any]:
    return {
        "resources": [
            {"urn": FLEET, "type": "meshfleet:components:Fleet"},
            {"urn": PROVIDER, "type": "pulumi:providers:kubernetes", "id": "1", "custom": True, "parent": FLEET},
            {"urn": COMPONENT, "type": "meshfleet:components:Propagations", "parent": FLEET},
            *more,
        ]
    }


def taken(document: str, cluster: str = "west") -> TakenObject:
    ground = ground_of(state(), "west")
    assert ground is not None
    urn = ground.urn(TOKEN, cluster, document)
    begun = resource_of(ground, urn, TOKEN, BODY, keep=True)
    return TakenObject(cluster, key_of(BODY), as_recorded(begun, BODY["metadata"], "m"), False, BODY)


def test_it_is_recorded_below_the_component_and_with_the_provider_of_its_cluster() -> None:
    one = taken("propagation-web")
    after = with_taken(state(), [one])
    assert after["resources"][-1]["urn"] == (
        "urn:pulumi:dev::meshfleet::meshfleet:components:Fleet$meshfleet:components:Propagations$"
        "kubernetes:core/v1:ConfigMap::west/propagation-web"
    )
    assert (after["resources"][-1]["id"], after["resources"][-1]["retainOnDelete"]) == ("shop/web", True)
    assert damage(after) == []
    assert with_taken(after, [one]) == after


def test_without_a_component_or_a_provider_nothing_can_be_recorded_yet() -> None:
    assert ground_of({}, "west") is None
    assert ground_of(state(), "east") is None
    for missing in (1, 2):
        resources = state()["resources"]
        del resources[missing]
        assert ground_of({"resources": resources}, "west") is None


def test_the_same_object_of_another_document_is_that_one_and_no_other() -> None:
    before, moved = taken("propagation-old"), taken("propagation-web")
    elsewhere = {**before.resource, "urn": before.resource["urn"].replace("west/", "east/")}
    waiting = {"urn": "urn:x", "type": TOKEN, "inputs": {}, "dependencies": [before.resource["urn"]]}
    after = with_taken(state(before.resource, elsewhere, waiting), [moved])
    urns = [one["urn"].rpartition("::")[2] for one in after["resources"]]
    assert urns[-3:] == ["east/propagation-old", "urn:x".rpartition("::")[2], "west/propagation-web"]
    assert after["resources"][-2]["dependencies"] == []
