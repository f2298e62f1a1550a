"""JSON of others is a value or ValueError, however it is nested and whatever constants it has."""

from __future__ import annotations

import pytest

from meshfleet.files.json_text import parse_json

pytestmark = pytest.mark.proof("whatever comes in by any door is taken or refused by name", step=0)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "NaN", "[Infinity]", "-Infinity", "", "{", b"\xff"])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        parse_json(text)
    assert not isinstance(raised.value, RecursionError)


def test_json_is_its_value() -> None:
    assert parse_json('{"a": [1, null, true, 0.5]}') == parse_json(b'{"a": [1, null, true, 0.5]}')
