"""A declaration of overrides that changes nothing, or contradicts itself, is refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.federation.overriding import parsed_overrides

pytestmark = pytest.mark.proof("objects differ in some of their clusters by overrides", step=0)


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ({}, "changes nothing"),
        ({"objects": {"kind": "Pod"}, "image": []}, "changes nothing"),
        ({"json": []}, "changes nothing"),
        ({"strategicMerge": {}}, "changes nothing"),
        ({"labels": {}}, "names no label"),
        ({"annotations": {"set": {"a": "b"}, "unset": ["a"]}}, "both sets and unsets a"),
        ({"env": [{"unset": []}]}, "names no variable"),
        ({"env": [{"set": {"": "b"}}]}, "'' is not the name of a variable"),
        ({"env": [{"set": {"A=B": "c"}}]}, "'A=B' is not the name of a variable; use printable ASCII without '='"),
        ({"env": [{"unset": ["Ä"]}]}, "is not the name of a variable"),
        ({"args": [{"container": "a", "operator": "add", "value": []}]}, "needs words"),
        ({"image": [{"component": "Tag", "operator": "remove", "value": "1"}]}, "takes no value"),
        ({"image": [{"component": "Tag"}]}, "needs a value"),
        ({"image": [{"component": "Repository", "operator": "remove"}]}, "replace it"),
    ],
)
def test_an_override_that_says_nothing_is_refused(override: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        parsed_overrides(override)


def test_no_replicas_at_all_are_a_change() -> None:
    assert parsed_overrides({"replicas": 0})[0].replicas == 0
