"""A kind that is not served although its definition is there is reported with what is the matter with that."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.errors import ClusterError
from meshfleet.plugins.kubernetes.definitions import not_served
from meshfleet.plugins.kubernetes.faults import RefusedError
from meshfleet.plugins.kubernetes.kinds import GroupVersionKind

pytestmark = pytest.mark.proof("Kubernetes objects through whichever plugin is installed", step=0)

WIDGET = GroupVersionKind("example.com", "v1", "Widget")
ACCEPTED = {"type": "NamesAccepted", "status": "True"}
ESTABLISHED = {"type": "Established", "status": "True"}


def definition(*conditions: dict[str, Any], served: tuple[str, ...] = ("v1",), **spec: Any) -> dict[str, Any]:
    versions = [{"name": name, "served": name in served} for name in ("v1", "v1beta1")]
    return {
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "names": {"kind": "Widget"}, "versions": versions, **spec},
        "status": {"conditions": list(conditions)},
    }


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (definition(ACCEPTED, ESTABLISHED, served=("v1beta1",)), "serves 'v1beta1'; use a version that it serves"),
        (definition(ACCEPTED, ESTABLISHED, served=()), "serves no version; use"),
        (
            definition({"type": "NamesAccepted", "status": "False", "message": '"widgets" is already in use'}),
            "are not accepted ('\"widgets\" is already in use'); rename it",
        ),
        (definition({"type": "NamesAccepted", "status": "Unknown"}), "are not accepted ('no reason is given')"),
        (definition(ACCEPTED, {"type": "Established", "status": "False"}), "is not established yet; run this again"),
        (definition(ACCEPTED), "is not established yet; run this again"),
        (definition(), "is not established yet; run this again"),
        (definition(ACCEPTED, ESTABLISHED), "is there, and discovery does not list the kind yet; run this again"),
    ],
)
def test_what_is_the_matter_is_named_with_what_to_do(found: dict[str, Any], told: str) -> None:
    others = definition(names={"kind": "Gadget"}), definition(group="else.example.com")
    matter = not_served(lambda *_: {"items": [*others, found]}, WIDGET)
    assert "CustomResourceDefinition 'widgets.example.com'" in matter
    assert told in matter


@pytest.mark.parametrize("listed", [{}, {"items": None}, {"items": []}, {"items": [definition(group="other")]}])
def test_without_a_definition_nothing_is_said_of_one(listed: dict[str, Any]) -> None:
    assert not_served(lambda *_: listed, WIDGET) == ""


def test_where_definitions_may_not_be_read_nothing_is_said_of_them() -> None:
    def refuse(*_: object) -> dict[str, Any]:
        raise RefusedError("forbidden", code=403)

    assert not_served(refuse, WIDGET) == ""


@pytest.mark.parametrize("listed", [{"items": [{}]}, {"items": 1}, {"items": [{"spec": None}]}, {"items": ["x"]}])
def test_another_form_is_an_error_in_words(listed: dict[str, Any]) -> None:
    with pytest.raises(ClusterError, match="the CustomResourceDefinitions"):
        not_served(lambda *_: listed, WIDGET)
