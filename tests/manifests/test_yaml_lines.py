"""Lines that are written quickly are those that `render` writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshfleet.manifests.yaml_lines import YamlLines
from meshfleet.manifests.yaml_text import Block, yaml_text

pytestmark = pytest.mark.proof("propagated objects go where their placement says", step=0)

_TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "yes",
            "1e3",
            "a: b",
            "- a",
            "a #b",
            "#a",
            "'",
            "null",
            "a\nb\n",
            "\n",
            " a",
            "a ",
            "é",
            "{}",
            "?",
            "x " * 80,
        ]
    ),
    st.text(max_size=6),
    st.integers(95, 108).map(lambda length: "a" * (length - 50) + " " + "b" * 49),
)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(allow_nan=False, width=16), _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)),
    max_leaves=12,
)


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _readable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_readable(inner) for inner in value]
    return Block(value) if isinstance(value, str) and "\n" in value else value


@settings(max_examples=60, deadline=timedelta(seconds=5))
@given(st.dictionaries(_TEXTS, _VALUES, min_size=1, max_size=4), _VALUES)
@example({"a": [[["b"]], {"c": [{"d": 1, "e": []}, {}]}], "f": 1.0, "g": True, "h": 1}, None)
def test_lines_written_part_by_part_are_those_of_the_whole(document: dict[str, Any], changed: Any) -> None:
    lines = YamlLines()
    for each in (document, document | {"changed": changed}, {"within": [document]}):
        assert lines.of(each) == yaml_text(_readable(each)).splitlines()
