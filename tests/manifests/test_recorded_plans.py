"""The whole plan of each stack file, byte for byte, so that a change of any object shows in a review.

After a change that is meant: `pytest tests/manifests --snapshot-update`, and read the difference.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from meshfleet.cli.rendering import render
from meshfleet.sources import load
from meshfleet.topology import read_stack_file
from meshfleet.topology.stack_file import known_stacks

pytestmark = pytest.mark.proof("objects and chart values follow from the stack file alone", step=0)

STACKS = Path(__file__).resolve().parent.parent.parent / "stacks"


class YamlFiles(SingleFileSnapshotExtension):
    """One YAML file for each stack, as people read it."""

    _write_mode = WriteMode.TEXT
    file_extension = "yaml"


@pytest.mark.parametrize("stack", known_stacks(STACKS), ids=lambda stack: stack.removeprefix("examples/"))
def test_the_plan_of_a_stack_is_the_recorded_one(stack: str, snapshot: SnapshotAssertion) -> None:
    file = read_stack_file(STACKS, stack)
    files = render(load(file.stack, file.config))
    text = "".join(f"--- # {name}\n{content}" for name, content in files.items())
    assert text == snapshot(extension_class=YamlFiles)
