"""Digests of publishers are read in each form they have, and nothing else is taken for one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.toolchain.published.digests import digest_of
from meshfleet.toolchain.published.images import challenge, is_index, layers_of, manifest_of
from meshfleet.toolchain.published.requests import pause_of

pytestmark = pytest.mark.proof("published programs are checked against their publishers' digests", step=0)

A, B = "a" * 64, "B" * 64


@pytest.mark.parametrize(
    "text",
    [
        A,
        f"{A}\n",
        A.upper(),
        f"{A}  tool.tar.gz\n",
        f"{A} *tool.tar.gz",
        f"{B}  other\n{A}  ./tool.tar.gz\n{B}  tool.tar.gz.sig\n",
        json.dumps({"assets": [{"name": "tool.tar.gz", "digest": f"sha256:{A}"}, {"name": "x", "digest": None}, 5]}),
    ],
)
def test_a_digest_is_read_in_every_form(text: str) -> None:
    assert digest_of("tool.tar.gz", text) == A


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        A[1:],
        f"{A}  other.tar.gz",
        f"{A}  tool.tar.gz\n{B}  tool.tar.gz",
        f"{A}\n{B}",
        f"{A}  tool.tar.gz  more",
        "{",
        "{}",
        '{"assets": 5}',
        json.dumps({"assets": [{"name": "tool.tar.gz", "digest": f"sha512:{A}"}]}),
        json.dumps({"assets": [{"name": "tool.tar.gz"}]}),
    ],
)
def test_nothing_else_is_a_digest(text: str) -> None:
    with pytest.raises(ValueError, match=r"not one|Expecting|Unterminated"):
        digest_of("tool.tar.gz", text)


@given(
    st.one_of(
        st.text(),
        st.recursive(
            st.none() | st.text(),
            lambda one: (
                st.lists(one)
                | st.dictionaries(
                    st.sampled_from(
                        ["assets", "name", "digest", "manifests", "layers", "platform", "size", "mediaType"]
                    ),
                    one,
                )
            ),
        ).map(json.dumps),
    )
)
def test_whatever_is_read_is_a_value_error_at_most(text: str) -> None:
    for read in (
        lambda: digest_of("a", text),
        lambda: is_index(text.encode()),
        lambda: manifest_of(text.encode(), ("linux", "amd64")),
        lambda: layers_of(text.encode()),
    ):
        try:
            read()
        except (ValueError, KeyError, TypeError):
            continue
    challenge(text)
    pause_of(text)


def test_a_pause_is_in_seconds_or_until_a_date() -> None:
    assert pause_of("120") == 120
    assert pause_of("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert pause_of("") is None
    assert pause_of("soon") is None
