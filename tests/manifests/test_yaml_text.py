"""What `render` writes reads back as it was, whichever version of YAML the reader speaks."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from meshfleet.manifests.yaml_text import yaml_text

pytestmark = pytest.mark.proof("render gives the same bytes for the same input", step=0)

# Surrogates are no text that UTF-8 can hold.
TEXTS = st.text(st.characters(codec="utf-8"))
LEAVES = TEXTS | st.booleans() | st.none() | st.integers() | st.floats(allow_nan=False)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
# Each is a number, a boolean, a date or nothing at all to some reader.
MISTAKABLE = (
    *("yes", "No", "on", "OFF", "y", "N", "true", "False", "null", "~", "", "=", "<<"),
    *("0", "-1", "0o17", "017", "0x1f", "1_000", "12:30:45", "1e3", "1.5e3", ".5", "-.5", "1.", ".inf", "2026-11-23"),
)


def read_by_all(text: str) -> list[Any]:
    """By YAML 1.2 and by YAML 1.1."""
    return [YAML(typ="safe", pure=True).load(text), yaml.safe_load(text)]


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_every_document_reads_back_as_it_is_and_in_its_order(document: dict[str, Any]) -> None:
    for found in read_by_all(yaml_text(document)):
        assert found == document
        assert list(found) == list(document)


@given(st.dictionaries(TEXTS, TEXTS))
def test_the_data_of_a_secret_reads_back_as_it_is_and_in_its_order(data: dict[str, str]) -> None:
    secret = {"kind": "Secret", "data": data, "type": "Opaque"}
    for found in read_by_all(yaml_text(secret)):
        assert found == secret
        assert list(found["data"]) == list(data)


@pytest.mark.parametrize("text", MISTAKABLE)
def test_a_text_that_some_reader_takes_for_something_else_is_quoted(text: str) -> None:
    assert yaml_text({"key": text}) == f"key: '{text}'\n"
    assert yaml_text({"kind": "Secret", "data": {text: text}}) == f"kind: Secret\ndata:\n  '{text}': '{text}'\n"


@pytest.mark.parametrize("value", [15443, -1, True, None, 1.5])
def test_what_is_no_text_is_not_quoted(value: Any) -> None:
    assert "'" not in yaml_text({"key": value})


def test_what_occurs_twice_is_written_out_twice() -> None:
    labels = {"app": "istiod"}
    assert yaml_text({"one": labels, "other": labels}) == "one:\n  app: istiod\nother:\n  app: istiod\n"
