"""The program as Pulumi runs it: from a stack's configuration to a registered fleet, or to a sentence."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from meshfleet.components.program import run
from meshfleet.topology import TopologyError, read_stack_file
from tests.components.fleets import STACKS
from tests.components.registered_graph import Graph
from tests.components.registrations import recorded

pytestmark = pytest.mark.proof("plain pulumi gives the same as the command", step=1)

MAIN = STACKS.parent / "__main__.py"


def as_pulumi_has_it(config: dict[str, Any]) -> dict[str, str]:
    """Structured values arrive as JSON, and settings of other packages beside ours."""
    ours = {
        f"meshfleet:{section}": value if isinstance(value, str) else json.dumps(value)
        for section, value in config.items()
    }
    return ours | {"kubernetes:context": "somebody-elses", "aws:region": "eu-west-1"}


def dev() -> dict[str, Any]:
    return dict(read_stack_file(STACKS, "dev").config)


def test_the_configuration_of_a_stack_becomes_the_fleet_of_its_file(graph_of: Callable[[str], Graph]) -> None:
    graph = recorded("dev", run, as_pulumi_has_it(dev()))
    assert graph.names() == graph_of("dev").names()
    assert graph.outputs == graph_of("dev").outputs


def test_the_entry_point_registers_the_same(graph_of: Callable[[str], Graph]) -> None:
    graph = recorded("dev", _run_main, as_pulumi_has_it(dev()))
    assert graph.names() == graph_of("dev").names()


def test_a_wrong_stack_file_registers_nothing_and_is_reported_without_a_traceback() -> None:
    wrong = dev() | {"host": "north", "colour": "red"}
    registered: list[str] = []

    def program() -> None:
        try:
            _run_main()
        except pulumi.RunError as error:
            registered.append(str(error))

    graph = recorded("dev", program, as_pulumi_has_it(wrong))
    assert graph.names() == set()
    (message,) = registered
    assert message.startswith("the stack file is wrong:\nhost: ")


@pytest.mark.parametrize("pods", ["real", "simulated"])
def test_an_existing_cluster_whose_kubeconfig_is_missing_registers_nothing(pods: str, tmp_path: Path) -> None:
    config = {
        "networks": {"n": {}},
        "clusters": {
            "west": {
                "network": "n",
                "existing": {"kubeconfig": str(tmp_path / "missing"), "context": "c", "pods": pods},
            }
        },
    }
    caught: list[TopologyError] = []

    def program() -> None:
        try:
            run()
        except TopologyError as error:
            caught.append(error)

    assert recorded("x", program, as_pulumi_has_it(config)).names() == set()
    assert [fault.path for fault in caught[0].faults] == ["clusters.west.existing.kubeconfig"]


def _run_main() -> None:
    runpy.run_path(str(MAIN), run_name="__main__")
