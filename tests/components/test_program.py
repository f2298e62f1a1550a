"""The program as Pulumi runs it: from a stack's configuration to a registered fleet, or to a sentence."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from meshfleet.components.program import run
from meshfleet.status import read_status
from meshfleet.topology import TopologyError, load, read_stack_file
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


def failing_over() -> dict[str, Any]:
    """The stack dev, with an object whose share is in the host unless that stays unreachable."""
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"}}
    config = dev()
    names = sorted(config["clusters"], key=lambda name: name != config["host"])
    affinities = [{"affinityName": f"in-{name}", "clusterNames": [name]} for name in names]
    config["namespaces"] = {**config.get("namespaces", {}), "moving": {}}
    settings["metadata"]["namespace"] = "moving"  # type: ignore[index]
    web = {"resources": [{"object": settings}], "failover": {}, "placement": {"clusterAffinities": affinities}}
    return config | {"propagations": {"web": web}}


def placed_in(graph: Graph) -> set[str]:
    """The clusters that get the object."""
    return {
        name.partition("/")[0] for name in graph.names() if name.endswith("/propagation-web-configmap-moving-settings")
    }


def test_plain_pulumi_reads_where_shares_are_in_the_outputs_of_its_own_stack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On a machine that has moved nothing, with and without something elsewhere."""
    monkeypatch.setenv("MESHFLEET_HOME", str(tmp_path / "home"))
    calls: list[Any] = []
    outputs: dict[str, Any] = {}

    def invoke(token: str, arguments: dict[str, Any]) -> Any:
        calls.append((token, arguments))
        return SimpleNamespace(value={"outputs": outputs})

    monkeypatch.setattr(pulumi.runtime, "invoke", invoke)
    host = dev()["host"]
    config = as_pulumi_has_it(failing_over())
    assert placed_in(recorded("dev", run, config)) == {host}
    assert calls == [("pulumi:pulumi:readStackOutputs", {"name": "organization/meshfleet/dev"})]
    since = "2028-11-22T04:51:12Z"
    away = {"version": 1.0, "evictions": [{"propagation": "web", "cluster": host, "since": since}]}
    outputs["fleet"] = away
    moved = recorded("dev", run, config)
    assert host not in placed_in(moved)
    assert moved.outputs["fleet"]["evictions"] == away["evictions"]
    assert moved.outputs["fleet"]["evictionsBefore"] is None
    # A move that is not complete is held in both, and exported as it is.
    outputs["fleet"] = away | {"evictionsBefore": []}
    both = recorded("dev", run, config)
    assert placed_in(both) == {host, *placed_in(moved)}
    assert both.outputs["fleet"]["evictionsBefore"] == []


def test_a_run_of_a_part_exports_what_the_last_run_of_all_did(graph_of: Callable[[str], Graph]) -> None:
    """A cluster that the stack file has by now, and that is not deployed, is in no output."""
    whole = graph_of("dev").outputs
    document = whole["fleet"]
    first = {**document, "clusters": document["clusters"][:1], "meshes": []}
    fleet = load("dev", dev()).model_copy(update={"reported": read_status(first).document()})
    outputs = recorded("dev", lambda: run(fleet)).outputs
    assert outputs["fleet"] == first
    assert outputs["kubeconfigs"].keys() == whole["kubeconfigs"].keys()
