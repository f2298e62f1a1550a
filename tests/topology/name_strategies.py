"""Names, labels and text, as stack files may have them, for the strategies of what bears them.

A strategy is made once, wherever it does not follow from what was drawn: Hypothesis looks into each new one, which
takes longer than a draw from it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

Config = dict[str, Any]

LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
ENDS = st.sampled_from("aZ9")
# Letters and signs that have a meaning somewhere, and some that no terminal and no encoder likes.
CHARACTERS = "abz03-_./:'\"{}[]#&*!|>%@ \t\n\r\0\x1b\x85\u2028é٣𐍈\ud800"


@cache
def labels(longest: int = 63) -> st.SearchStrategy[str]:
    """DNS labels of at most `longest` characters, most of them short."""
    first = st.sampled_from(LETTERS)
    inner = st.text(LETTERS + DIGITS + "-", max_size=longest - 2)
    last = st.sampled_from(LETTERS + DIGITS)
    return st.one_of(first, st.builds("{}{}{}".format, first, inner, last))


@cache
def names(count: int, longest: int = 63, taken: frozenset[str] = frozenset()) -> st.SearchStrategy[list[str]]:
    """Exactly `count` different names."""
    return st.lists(labels(longest).filter(lambda name: name not in taken), min_size=count, max_size=count, unique=True)


@cache
def namespace_names() -> st.SearchStrategy[str]:
    """Names that no component of Kubernetes, of Istio or of the fleet has for itself."""
    return labels(50).map(lambda name: f"app-{name}")


@cache
def label_values() -> st.SearchStrategy[str]:
    """Values of Kubernetes labels."""
    return st.just("") | st.builds("{}{}{}".format, ENDS, st.text(LETTERS + "A1._-", max_size=8), ENDS)


@cache
def some(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    """At least one of the values, each once."""
    return st.lists(st.sampled_from(values), min_size=1, unique=True)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Config]:
    """Any of these fields, or none."""
    return st.fixed_dictionaries({}, optional=dict(fields))


def json_values() -> st.SearchStrategy[Any]:
    """Whatever JSON can hold."""
    texts = st.text(CHARACTERS, max_size=8)
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=12,
    )
