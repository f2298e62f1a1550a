"""Objects that a killed run made in an existing cluster are recorded, and nothing that was not its own."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from meshfleet.automation.pending_objects import as_recorded, field_manager, pending_in, with_recorded

pytestmark = pytest.mark.proof("an object that was made and not recorded is taken into the state", step=0)

SIGNED = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:xyz"}
INPUTS: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "cacerts", "namespace": "istio-system"},
    "data": SIGNED,
}


def begun(name: str = "shop/cacerts", kind: str = "kubernetes:core/v1:Secret", **changes: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:prod::meshfleet::c$k::{name}"
    return {"urn": urn, "custom": True, "type": kind, "inputs": copy.deepcopy(INPUTS), "parent": "p", **changes}


def state(*pending: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "resources": [{"urn": "urn:x", "type": "pulumi:pulumi:Stack"}],
        "pending_operations": [{"type": kind, "resource": resource} for kind, resource in pending],
    }


def test_only_objects_that_were_being_created_in_the_cluster_are_looked_at() -> None:
    unnamed = begun("shop/b")
    unnamed["inputs"]["metadata"] = SIGNED
    found = pending_in(
        state(
            ("creating", begun()),
            ("updating", begun("shop/a")),
            ("creating", begun("hub/cacerts")),
            ("creating", begun("shop-2/cacerts")),
            ("creating", begun("shop/release", "kubernetes:helm.sh/v3:Release")),
            ("creating", begun("shop/patch", "kubernetes:core/v1:NamespacePatch")),
            ("creating", begun("shop/own", "meshfleet:index:Istiod")),
            ("creating", unnamed),
        ),
        "shop",
    )
    assert [resource["urn"].rpartition("::")[2] for resource in found] == ["shop/cacerts"]
    assert list(pending_in({}, "shop")) == []


def test_it_is_recorded_as_a_plugin_would_with_its_secrets_still_encrypted() -> None:
    recorded = as_recorded(begun(), INPUTS["metadata"], "pulumi-kubernetes-12ab34cd")
    assert recorded["id"] == "istio-system/cacerts"
    assert recorded["inputs"] == INPUTS
    assert recorded["outputs"] == {
        **INPUTS,
        "__inputs": INPUTS,
        "__initialApiVersion": "v1",
        "__fieldManager": "pulumi-kubernetes-12ab34cd",
    }
    after = with_recorded(state(), [recorded])
    assert after["resources"][-1] == recorded
    assert with_recorded(after, [recorded]) == after


@pytest.mark.parametrize(
    ("fields", "manager"),
    [
        ([{"manager": "kubectl", "operation": "Apply"}], None),
        ([{"manager": "pulumi-kubernetes-1", "operation": "Update"}], None),
        ([{"manager": "helm"}, {"manager": "pulumi-kubernetes-1", "operation": "Apply"}], "pulumi-kubernetes-1"),
        # Created by a plain request, as both plugins do where nothing is to be taken over.
        ([{"manager": "pulumi-kubernetes", "operation": "Update"}], "pulumi-kubernetes-1ff30242"),
        (None, None),
    ],
)
def test_an_object_that_no_plugin_of_pulumi_made_is_not_taken(fields: Any, manager: str | None) -> None:
    assert field_manager({"metadata": {"managedFields": fields}}, "urn:x") == manager
