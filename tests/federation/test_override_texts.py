"""A text that is YAML or JSON is patched inside, and stays what it is everywhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import DocumentError
from meshfleet.files.bounded_yaml import load_yaml
from tests.examples import up_to
from tests.federation.overriding import applied, config

pytestmark = pytest.mark.proof("objects differ in some of their clusters by overrides", step=0)

YAML = """\
# of the shop
server:  # listens
  mode: 0755
  debug: "yes"
  hosts:
    - a.example  # first
    - b.example
"""
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S"), include_characters=" "), max_size=12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1000, 1000)
    | TEXTS
    | st.sampled_from(["no", "0755", "1:30", "~", "a\nb\n"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def patched(text: str, form: str, *operations: dict[str, Any]) -> str:
    override = {"fields": [{"fieldPath": "/data/config.txt", "format": form, "json": list(operations)}]}
    return str(applied(config({"config.txt": text}), override).body["data"]["config.txt"])


def test_yaml_keeps_comments_quotes_numbers_and_lists() -> None:
    made = patched(
        YAML,
        "yaml",
        {"op": "replace", "path": "/server/hosts/1", "value": "c.example"},
        {"op": "add", "path": "/server/port", "value": "0755"},
    )
    assert made == YAML.replace("- b.example", "- c.example") + '  port: "0755"\n'


def test_a_text_that_is_only_tested_is_not_written() -> None:
    text = "a:   1   # odd\n"
    assert patched(text, "yaml", {"op": "test", "path": "/a", "value": 1}) == text
    assert patched('{"a":   1}', "json", {"op": "test", "path": "/a", "value": 1}) == '{"a":   1}'


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ('{"a":1}', '{"a":1,"b":"ä"}'),
        ('{"a": 1}', '{"a": 1, "b": "ä"}'),
        ('{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "b": "ä"\n}\n'),
        ('{\n\t"a": 1\n}', '{\n\t"a": 1,\n\t"b": "ä"\n}'),
    ],
)
def test_json_keeps_its_indentation(text: str, made: str) -> None:
    assert patched(text, "json", {"op": "add", "path": "/b", "value": "ä"}) == made


@given(VALUES, VALUES)
@up_to(60)
def test_a_patched_text_holds_what_the_patch_says(there: Any, value: Any) -> None:
    text = json.dumps({"there": there}, ensure_ascii=False)
    operation = {"op": "add", "path": "/new", "value": value}
    for form in ("json", "yaml"):
        assert load_yaml(patched(text, form, operation), what="made") == {"there": there, "new": value}


@pytest.mark.parametrize(
    ("text", "form", "reason"),
    [
        ("a: [", "yaml", "is not YAML"),
        ("a: 1\na: 2\n", "yaml", "a key is set twice"),
        ("a: 1\n---\nb: 1\n", "yaml", "a second document"),
        ("a: &x 1\nb: *x\n", "yaml", "repeats values by anchors"),
        ("", "yaml", "neither a mapping nor a list"),
        ("{", "json", "is not JSON: Expecting property name"),
        ('{"a": 1e400}', "json", "too large"),
        ("[" * 100_000, "json", "nested too deeply"),
    ],
)
def test_a_text_that_cannot_be_patched_is_refused(text: str, form: str, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason):
        patched(text, form, {"op": "add", "path": "/x", "value": 1})


def test_a_field_that_is_no_text_is_refused() -> None:
    override = {"fields": [{"fieldPath": "/data", "format": "json", "json": [{"op": "remove", "path": "/a"}]}]}
    with pytest.raises(DocumentError, match=r"/data must be a text, got \{a: 'b'\}"):
        applied(config({"a": "b"}), override)
