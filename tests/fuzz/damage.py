"""Values of JSON that are like one that is right, and yet not it."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from meshfleet.errors import MeshfleetError
from tests.examples import scaled

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
BUDGET = (
    settings(max_examples=int(os.environ["MESHFLEET_FUZZ"]), deadline=None)
    if "MESHFLEET_FUZZ" in os.environ
    else scaled(150)
)
"""Examples of each fuzz test; more on request."""


def refusal(read: Callable[[], object]) -> str | None:
    """What a reader says in refusing, None when it takes what it gets; any other error is the test's failure."""
    try:
        read()
    except MeshfleetError as error:
        return str(error)
    return None


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every part of a value but the whole."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, inner in entries:
        found += [(*before, key), *paths(inner, (*before, key))]
    return found


@st.composite
def damaged(draw: st.DrawFn, whole: Any) -> Any:
    """`whole` with up to three of its parts removed or replaced by anything, or something else altogether."""
    if draw(st.integers(0, 20)) == 0:
        return draw(ANYTHING)
    value = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        places = paths(value)
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        at = value
        for step in way:
            at = at[step]
        if draw(st.booleans()):
            at[last] = draw(ANYTHING)
        else:
            del at[last]
    return value
