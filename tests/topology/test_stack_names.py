"""One rule for the names of stacks: what it takes never leads anywhere but to one child of a directory."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.topology import TopologyError, load
from meshfleet.topology.stack_name import LONGEST, name_fault, path_fault, stack_name

pytestmark = pytest.mark.proof("one rule for the names of stacks, at every door", step=0)

NO_NAMES = {
    "empty": "",
    "a directory": "examples/",
    "here": ".",
    "above": "..",
    "three dots": "...",
    "below here": "./dev",
    "above by a directory": "../dev",
    "above in the midst": "examples/../dev",
    "no part": "examples//dev",
    "absolute": "/dev",
    "absolute and long": "/etc/passwd",
    "the root": "/",
    "hidden": ".git",
    "the user's home": "~",
    "a space": "my stack",
    "a new line": "dev\n",
    "a control character": "dev\x1b[31m",
    "a zero": "dev\0",
    "a pattern": "*",
    "an option": "-y",
    "a backslash": "..\\dev",
    "a colon": "dev:1",
    "a letter of another alphabet": "dév",
    "a digit of another alphabet": "dev\u0663",
    "a dot at the end": "dev.",
    "two dots": "dev..prod",
    "too long": "x" * (LONGEST + 1),
    "a percent sign": "%2e%2e",
}


@pytest.mark.parametrize("stack", NO_NAMES.values(), ids=NO_NAMES)
def test_what_is_no_stack_name_is_refused(stack: str) -> None:
    with pytest.raises(TopologyError) as refused:
        stack_name(stack)
    (fault,) = refused.value.faults
    assert fault.path == "--stack"
    assert str(fault).isprintable()


@pytest.mark.parametrize(
    ("stack", "name"),
    [
        ("dev", "dev"),
        ("examples/two-meshes", "two-meshes"),
        ("a/b/c", "c"),
        ("1", "1"),
        ("Prod_eu-1.v2", "Prod_eu-1.v2"),
    ],
)
def test_names_and_paths_of_stack_files_are_taken(stack: str, name: str) -> None:
    assert stack_name(stack) == name


@given(st.text(max_size=12) | st.text(alphabet="./-_a\n~ ", max_size=12))
def test_a_name_that_is_taken_is_one_child_of_any_directory(text: str) -> None:
    home = Path("/home/fleets")
    if name_fault(text) is None:
        assert (home / text).parent == home
        assert Path(f"/{text}").resolve() == Path(f"/{text}")
        assert text.isascii()
        assert text.isprintable()


def test_a_name_that_plain_pulumi_passes_is_refused_with_all_other_faults() -> None:
    with pytest.raises(TopologyError) as refused:
        load("..", {"colour": "red"})
    assert {fault.path for fault in refused.value.faults} >= {"stack", "colour"}


@pytest.mark.parametrize("path", ["/", "/a\nb", "/a\x07", "/a\u2028b"])
def test_a_directory_that_cannot_work_is_refused(path: str) -> None:
    assert path_fault(Path(path))


@pytest.mark.parametrize("path", ["/home/me/my fleets", "/srv/ümläut", "/it's", "/100%", '/"quoted"'])
def test_any_other_directory_is_taken(path: str) -> None:
    assert path_fault(Path(path)) is None
