"""Plain YAML is read by libyaml: to the value that ruamel.yaml has for it, or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshfleet.files.bounded_yaml import load_yaml
from meshfleet.files.plain_yaml import plain_yaml
from meshfleet.sources.documents import documents
from tests.examples import scaled
from tests.integration.clone import CHECKOUT

pytestmark = pytest.mark.proof("plain manifests are read quickly, to the same values", step=0)

# What the two readers, or the two versions of YAML, take differently stands beside what they take alike.
_SCALARS = (
    *(
        "a",
        "web-1",
        "yes",
        "no",
        "on",
        "y",
        "true",
        "True",
        "null",
        "~",
        "",
        "8",
        "010",
        "0o17",
        "0x1F",
        "1_000",
        "1e3",
    ),
    *(".5", "1.", "+1", ".inf", ".nan", "2026-11-28", "12:30:45", "<<", "=", "a: b", "a:b", "a #b", "a#b", "#b", "'a'"),
    *(
        '"a"',
        '"a\\n"',
        '"\\/"',
        "'it''s'",
        '"a"#b',
        "[]",
        "{}",
        "[a, b]",
        "[a,b]",
        '["a", 8]',
        "[a: b]",
        "{a: b}",
        "{a,b}",
    ),
    *(
        '{"a":b}',
        "[a:b]",
        "&x a",
        "*x",
        "!t a",
        "!!str 8",
        "|",
        ">",
        "|-",
        ">-",
        "|2",
        "|+",
        "? a",
        "- a",
        "- - a",
        "-",
        "--x",
    ),
    *(
        "%a",
        "@a",
        "`a",
        "http://a/b?c=*d",
        "a, b",
        "- --x",
        "...",
        "---",
        "a  ",
        ": a",
        "a:",
        "[",
        "]",
        "'",
        '"',
        "\t",
        "é",
    ),
)
_KEYS = ("a", "b", "web-1", "8", "yes", "'a'", '"b"', "<<", "=", "true", "? a", "a b", "- a", "*x", "a#", "#a", "[a]")
_LINES = st.builds(
    lambda indent, dash, key, colon, scalar: " " * indent + dash + key + colon + scalar,
    st.integers(0, 6),
    st.sampled_from(["", "", "- ", "-   ", "- - "]),
    st.sampled_from(["", *_KEYS]),
    st.sampled_from([": ", ":", ":  ", ""]),
    st.sampled_from(_SCALARS),
)


def _told(value: object) -> str:
    """A value with its types, where 1 is not true and no number is another one's text."""
    return repr(value)


@settings(scaled(150), deadline=timedelta(seconds=5))
@given(st.lists(_LINES, min_size=1, max_size=7).map("\n".join), st.sampled_from(["", "\n"]))
@example("a: 'x'\nb: [a, 'b']\n", "")
@example("a: ---", "")
@example("a: |\n  - b\n   c\n\n\nb: 8", "\n")
def test_a_plain_text_has_the_value_it_has_for_the_other_reader(lines: str, end: str) -> None:
    found = plain_yaml(lines + end)
    if found is not None:
        assert _told(found.value) == _told(load_yaml(lines + end, what="a text"))


@settings(scaled(40), deadline=timedelta(seconds=5))
@given(
    st.recursive(
        st.sampled_from(["- ", "-\n ", "[", "{", "a: ", "[a: ", "? ", "\n "]),
        lambda one: st.builds(str.__mul__, one, st.sampled_from([2, 3, 400])),
        max_leaves=3,
    )
)
@example("[" * 100_000)
@example("- " * 100_000)
@example("[\n" * 100_000)
@example("a: [a: [ " * 100_000)
def test_what_is_nested_without_end_is_left_to_the_bounded_reader(text: str) -> None:
    assert plain_yaml(text[:300_000]) is None or "[" not in text


def test_manifests_and_stack_files_of_the_project_are_plain_and_the_same() -> None:
    plain = 0
    files = [one for folder in ("stacks", "examples") for one in sorted((CHECKOUT / folder).rglob("*.yaml"))]
    for file in files:
        for text in file.read_text(encoding="utf-8").split("\n---\n"):
            if (found := plain_yaml(text)) is not None:
                plain += 1
                assert _told(found.value) == _told(load_yaml(text, what=file.name))
    assert plain >= 5


def test_an_object_is_found_in_the_line_it_begins_in() -> None:
    text = "# first\n\napiVersion: v1\nkind: ConfigMap\n---\n# second\n---\n\nkind: Secret\n--- # third\na: [b\n"
    found, wrong = documents(text, what="web.yaml")
    assert [(one.line, one.body["kind"]) for one in found] == [(3, "ConfigMap"), (9, "Secret")]
    assert [one.partition(": ")[0] for one in wrong] == ["web.yaml"]
