"""The state keys of each stack file and who waits for whom, line by line, so that a rename shows in a review.

A URN is the key of a resource in the state: the types of its parents, its own type and its name. A resource whose URN
changes is deleted and created again in every fleet that exists, unless it is registered with an alias of the old URN.
After a change that is meant: `pytest tests/components --snapshot-update`, and read the difference.
"""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from meshfleet.sources import load
from meshfleet.topology import read_stack_file
from meshfleet.topology.stack_file import known_stacks
from tests.components.fleets import STACK_FILES, STACKS
from tests.components.recorded_fleets import graph_called
from tests.components.registered_graph import Graph, Resource
from tests.components.registrations import record

pytestmark = pytest.mark.proof("names, types and parents of resources in the state stay", step=1)


class TextFiles(SingleFileSnapshotExtension):
    """One text for each stack."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


def state_key(graph: Graph, resource: Resource) -> str:
    """The part of a URN behind the project, as the engine makes it: with the types of all parents."""
    types = [resource.type]
    parent = graph.resources.get(resource.parent)
    while parent is not None and parent.type != "pulumi:pulumi:Stack":
        types.insert(0, parent.type)
        parent = graph.resources.get(parent.parent)
    return f"{'$'.join(types)}::{resource.name}"


def state_keys(graph: Graph) -> str:
    """Each resource by its key, and below it its aliases and what it waits for."""
    lines = []
    keys = {urn: state_key(graph, resource) for urn, resource in graph.resources.items()}
    for urn in sorted(keys, key=lambda one: keys[one]):
        lines.append(keys[urn])
        lines += [f"    was {former}" for former in sorted(graph.resources[urn].aliases)]
        after = {graph.resources[other] for other in graph.resources[urn].after}
        lines += [f"    after {name}" for name in sorted(resource.name for resource in after)]
    return "\n".join(lines) + "\n"


SHAPES = {stack: shape for shape, stack in STACK_FILES.items()}
"""The shapes that are a stack file as it is; they are recorded for other tests too."""


@pytest.mark.parametrize("stack", known_stacks(STACKS), ids=lambda stack: stack.removeprefix("examples/"))
def test_the_state_keys_and_the_edges_of_a_stack_are_the_recorded_ones(stack: str, snapshot: SnapshotAssertion) -> None:
    file = read_stack_file(STACKS, stack)
    graph = graph_called(SHAPES[stack]) if stack in SHAPES else record(load(file.stack, file.config))
    assert state_keys(graph) == snapshot(extension_class=TextFiles)
