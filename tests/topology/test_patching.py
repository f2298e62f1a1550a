"""A JSON patch does what RFC 6902 says, and leaves what it is given as it was."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import DocumentError
from meshfleet.topology.additions import Operation
from meshfleet.topology.patching import patched_value
from tests.examples import up_to

pytestmark = pytest.mark.proof("what the fleet cannot express, its user adds", step=0)

VALUES = st.recursive(
    st.sampled_from([None, 1, "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
POINTERS = st.lists(st.sampled_from(["a", "b", "c", "0", "1", "2", "-"]), max_size=4).map(
    lambda steps: "".join(f"/{step}" for step in steps)
)
OPERATIONS = st.one_of(
    st.builds(
        lambda op, path, value: {"op": op, "path": path, "value": value},
        st.sampled_from(["add", "replace", "test"]),
        POINTERS,
        VALUES,
    ),
    st.builds(lambda path: {"op": "remove", "path": path}, POINTERS),
    st.builds(
        lambda op, path, origin: {"op": op, "path": path, "from": origin},
        st.sampled_from(["move", "copy"]),
        POINTERS,
        POINTERS,
    ),
)


@given(VALUES, st.lists(OPERATIONS, max_size=3))
@up_to(300)
def test_a_patch_changes_a_copy_as_the_library_does(content: Any, operations: list[dict[str, Any]]) -> None:
    made, wanted = content, copy.deepcopy(content)
    for operation in operations:
        before = copy.deepcopy(made)
        try:
            after = patched_value(made, Operation.model_validate(operation))
        except DocumentError:
            assert made == before
            return
        assert made == before
        wanted = jsonpatch.JsonPatch([operation]).apply(wanted)
        made = after
        assert made == wanted


def test_a_move_within_a_list_leaves_the_list_as_it_was() -> None:
    content = {"list": [1, {"a": 1}, {"b": 1}]}
    operation = Operation.model_validate({"op": "move", "from": "/list/0", "path": "/list/1/new"})
    assert patched_value(content, operation) == {"list": [{"a": 1}, {"b": 1, "new": 1}]}
    assert content == {"list": [1, {"a": 1}, {"b": 1}]}
