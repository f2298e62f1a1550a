"""YAML of somebody else is read in bounded time and space, and never repeated in a message."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import DocumentError
from meshfleet.files.bounded_yaml import DEPTH, LIMIT, load_yaml
from tests.examples import scaled

pytestmark = pytest.mark.proof("YAML is read in bounded time and space", step=0)


def bomb(alias: str) -> str:
    """Nine levels of nine: ten million values, in ten lines."""
    lines = ["a0: &a0 {k: v}" if alias == "merge" else "a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 10):
        named = ", ".join([f"*a{level - 1}"] * 9)
        inner = f"{{<<: [{named}], k{level}: [{named}]}}" if alias == "merge" else f"[{named}]"
        lines.append(f"a{level}: &a{level} {inner}")
    return "\n".join(lines)


LONG_TEXT = "a: &a " + "x" * 100_000 + "\nb: [" + ", ".join(["*a"] * 1000) + "]"
CHAIN = "a0: &a0 [x]\n" + "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 2000))


@pytest.mark.parametrize(
    "text, reason",
    [
        (bomb("alias"), "aliases expand to more than"),
        (bomb("merge"), "aliases expand to more than"),
        (LONG_TEXT, "aliases expand to more than"),
        (CHAIN, f"nested more than {DEPTH} levels deep"),
        ("a: &a [*a]", "an alias of a value that contains the alias"),
        ("a: &a {<<: *a}", "an alias of a value that contains the alias"),
        ("[" * 5000, f"nested more than {DEPTH} levels deep"),
        ("{a: " * 5000, f"nested more than {DEPTH} levels deep"),
        ("- " * 5000 + "a", f"nested more than {DEPTH} levels deep"),
        ("#" * (LIMIT + 1), f"longer than {LIMIT} characters"),
        ("a: 1\na: 2", "a key is set twice in line 2, column 1"),
        ("a: 1\n---\nb: 2", "a second document begins in line 2, column 1"),
        ("a: [", "in line 1"),
        ("a: \0", "a character that YAML does not allow at position 3"),
        ("a: 2026-13-40", "invalid value"),
        ('a: !!int ""', "invalid value"),
        ("a: !!bool maybe", "invalid value"),
        ("a: " + "9" * 5000, "invalid value"),
        ("a: !!python/object:os.system {}", "could not determine a constructor for the tag"),
    ],
)
def test_a_text_that_is_too_much_or_no_yaml_is_one_sentence(text: str, reason: str) -> None:
    with pytest.raises(DocumentError, match=r"^kubeconfig x: ") as caught:
        load_yaml(text, what="kubeconfig x")
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text", ["password: *hunter2hunter2", "password: !hunter2hunter2 x", "hunter2hunter2: 1\nhunter2hunter2: 2"]
)
def test_a_value_of_the_text_is_never_repeated(text: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_yaml(text, what="kubeconfig")
    assert "hunter2" not in str(caught.value)


def test_aliases_and_merge_keys_of_ordinary_files_are_honoured() -> None:
    text = "base: &base {cpu: 1, memory: 2}\nweb: {<<: *base, cpu: 3}\nnames: [&a west, *a]"
    assert load_yaml(text, what="x") == {
        "base": {"cpu": 1, "memory": 2},
        "web": {"cpu": 3, "memory": 2},
        "names": ["west", "west"],
    }
    assert load_yaml("", what="x") is None


def test_what_is_read_is_bounded_in_size() -> None:
    text = "a: &a " + "x" * 1000 + "\nb: &b [" + ", ".join(["*a"] * 50) + "]\nc: [" + ", ".join(["*b"] * 50) + "]"
    assert len(json.dumps(load_yaml(text, what="x"))) < 16 * LIMIT


YAML_PIECES = st.sampled_from(
    [
        *(
            "a",
            "1",
            ": ",
            "- ",
            "\n",
            "  ",
            "[",
            "]",
            "{",
            "}",
            ", ",
            "&a ",
            "*a",
            "<<: ",
            "? ",
            "|\n",
            ">\n",
            "'",
            '"',
        ),
        *("!!int ", "!!set ", "!!omap ", "!!binary ", "!!timestamp ", "!!merge ", "!!float ", "!!bool ", "!x ", "\\x"),
        *(
            "%YAML 1.1\n",
            "---\n",
            "...\n",
            "#",
            "\t",
            "2026-13-40",
            "0x",
            ".inf",
            "~",
            "\x1b",
            "\0",
            "\ufeff",
            "\ud800",
        ),
    ]
)


@given(st.one_of(st.lists(YAML_PIECES, max_size=40).map("".join), st.text(max_size=80)))
@scaled(300)
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    reason = ""
    try:
        load_yaml(text, what="x")
    except DocumentError as error:
        reason = str(error)
    assert reason == "" or (reason.startswith("x: ") and reason.isprintable())
