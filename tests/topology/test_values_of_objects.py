"""Values of objects are read at one look where nothing is out of the ordinary, with the outcome of the thorough one."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshfleet.topology.additions import DEPTH, _checked, checked_tree
from meshfleet.topology.rules.plain_secrets import plain_secrets, plain_secrets_of_object
from tests.examples import scaled

pytestmark = pytest.mark.proof("propagated objects go where their placement says", step=0)

KEY = "-----BEGIN " + "PRIVATE KEY-----\nMIIE"
_TEXTS = st.one_of(
    st.sampled_from(
        ["", "a", "a\nb\t", "\x1b[0m", "é", "kind: Config\nx", "Config", "ConfigMap", "token: " + "x" * 20]
    ),
    st.sampled_from(
        [KEY, base64.b64encode(KEY.encode()).decode(), "eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "eyJ", "a" * 5000]
    ),
    st.text(max_size=5),
)
_KEYS = st.one_of(st.sampled_from(["token", "password", "a", "client-key-data"]), _TEXTS, st.integers(0, 3))
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(), st.dates(), _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=10,
)


def nested(levels: int) -> Any:
    value: Any = "a"
    for _ in range(levels):
        value = [value]
    return value


def outcome(read: Any) -> str:
    try:
        return repr(read())
    except ValueError as error:
        return f"refused: {error}"


@settings(scaled(100), deadline=timedelta(seconds=5))
@given(_VALUES)
@example({"a": {0: "b"}})
@example(nested(DEPTH))
@example(nested(DEPTH + 1))
@example({"a": 1.0, "b": [True, 2, None], "c": "x" * 5000})
def test_a_value_is_taken_or_refused_as_by_the_thorough_look(value: Any) -> None:
    assert outcome(lambda: checked_tree(value)) == outcome(lambda: _checked(value, (), nulls=True))


@settings(scaled(100), deadline=timedelta(seconds=5))
@given(st.dictionaries(_TEXTS, _VALUES, max_size=4))
@example({"data": {"a": "kind: Config"}})
@example({"data": {"token": "12345678"}})
def test_a_secret_is_found_in_an_object_at_one_look(body: dict[str, Any]) -> None:
    assert list(plain_secrets_of_object(body)) == list(plain_secrets(body))
