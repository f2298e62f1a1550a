"""A machine is started here from a bundle of its own alone, and only where something leads to its network."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from meshfleet.dataplane.machine.bundle_folder import bundle_of
from meshfleet.dataplane.machine.machine import Machine
from meshfleet.errors import EmbeddedError, UnsupportedError
from meshfleet.status import read_status
from meshfleet.topology import Fleet, TopologyError, load, read_stack_file
from meshfleet.topology.network import Network
from meshfleet.virtual_machines import local_machines as machines_here
from meshfleet.virtual_machines.local_machines import listening, mismatches, outside_address, prepared, require_room
from meshfleet.workspace.home import Workspace
from tests.dataplane.machine.bundles import files, fleet, made
from tests.manifests.machines import CONFIG, STACK, STACKS

pytestmark = pytest.mark.proof("virtual machines join their mesh from their bundle alone", step=0)

NOTHING = read_status({"stack": STACK})

RUNNING: dict[str, Any] = copy.deepcopy(CONFIG)
RUNNING["clusters"]["west"]["embedded"] = {"pods": "processes"}


def edited(old: str, new: str) -> dict[str, str]:
    """The files of the bundle with one thing in its environment changed."""
    content = files()
    assert old in content["cluster.env"]
    return {**content, "cluster.env": content["cluster.env"].replace(old, new)}


def test_a_bundle_of_the_machines_is_not_strange_to_them() -> None:
    assert mismatches(fleet(), "billing", made()) == []
    assert mismatches(fleet(), "ledger", made("ledger", address="10.30.0.8"), "10.30.0.8") == []
    # In a mesh of one network none is named.
    assert mismatches(fleet(), "printer", made("printer")) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("CLUSTER_ID='west'", "CLUSTER_ID='east'", "it is for the cluster east, not west"),
        ("NETWORK='coast'", "NETWORK='inland'", "it is for the network inland, not coast"),
        ("WORKLOAD_NAME='billing'", "WORKLOAD_NAME='shop'", "it is for the workload shop, not billing"),
        ("ISTIO_NAMESPACE='orders'", "ISTIO_NAMESPACE='x'", "it is for the namespace x, not orders"),
        ("SERVICE_ACCOUNT='clerk'", "SERVICE_ACCOUNT='chief'", "it has the identity chief, not clerk"),
    ],
)
def test_what_is_strange_about_a_bundle_is_reported(old: str, new: str, told: str) -> None:
    assert mismatches(fleet(), "billing", bundle_of(edited(old, new))) == [told]


def test_a_bundle_for_another_address_is_strange() -> None:
    bundle = made("ledger", address="10.30.0.8")
    assert mismatches(fleet(), "ledger", bundle, "10.30.0.7") == ["it is for the address 10.30.0.8, not 10.30.0.7"]
    told = "it is for the address none, which is none of ledger"
    assert told in mismatches(fleet(), "ledger", made("ledger"))


def test_a_bundle_whose_token_has_ended_starts_nothing(tmp_path: Path) -> None:
    for name, text in files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(EmbeddedError, match="was valid until 2020-11-23T12:00:00Z, and the first start of a machine"):
        prepared(load(STACK, RUNNING), NOTHING, "billing", folder=str(tmp_path))


def test_machines_that_are_not_declared_are_reported_first() -> None:
    with pytest.raises(TopologyError, match="no virtual machines are named 'biling'"):
        prepared(fleet(), NOTHING, "biling", folder="/nowhere")


def test_addresses_here_are_of_ipv4() -> None:
    with pytest.raises(TopologyError, match="--address: 'fd00::1' is no IPv4 address"):
        prepared(fleet(), NOTHING, "billing", "fd00::1")


def test_machines_need_a_cluster_of_their_network_whose_pods_run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines_here, "missing_prerequisite", lambda: "")
    require_room(load(STACK, RUNNING), "billing")
    with pytest.raises(UnsupportedError, match="no cluster on the network 'coast' has pods that run here"):
        require_room(fleet(), "billing")
    monkeypatch.setattr(machines_here, "missing_prerequisite", lambda: "it takes root to make network namespaces")
    with pytest.raises(UnsupportedError, match="cannot run here, it takes root to make network namespaces"):
        require_room(load(STACK, RUNNING), "billing")


def in_a_data_centre(**west: Any) -> Fleet:
    """The example of machines on networks of their own, with other fields of its cluster."""
    config: dict[str, Any] = copy.deepcopy(dict(read_stack_file(STACKS, "examples/machine-network").config))
    config["clusters"]["west"].update(west)
    return load(STACK, config)


def test_machines_of_a_network_of_their_own_need_their_istiod_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines_here, "missing_prerequisite", lambda: "")
    require_room(in_a_data_centre(), "billing")
    with pytest.raises(UnsupportedError, match="'west', which runs its istiod, has no pods that run here"):
        require_room(in_a_data_centre(embedded={}), "billing")


def test_a_gateway_here_has_a_declared_address_that_no_other_one_has(tmp_path: Path) -> None:
    workspace = Workspace(STACK, tmp_path)
    assert outside_address(in_a_data_centre(), workspace, Machine(workspace, "billing")) == ""
    assert outside_address(in_a_data_centre(), workspace, Machine(workspace, "edge")) == "203.0.113.80"


@pytest.mark.parametrize("gateway", [{"address": "edge.example"}, {"address": "203.0.113.80", "port": 443}])
def test_a_gateway_here_takes_no_name_and_no_other_port(tmp_path: Path, gateway: dict[str, Any]) -> None:
    fleet = in_a_data_centre()
    networks = fleet.networks | {"datacenter": Network.model_validate({"gateways": [gateway]})}
    workspace = Workspace(STACK, tmp_path)
    with pytest.raises(UnsupportedError, match=r"has an IPv4 address of networks\.datacenter\.gateways"):
        outside_address(fleet.model_copy(update={"networks": networks}), workspace, Machine(workspace, "edge"))


def test_the_application_is_what_the_stack_says_of_the_machines() -> None:
    found = listening(fleet(), "billing")
    assert (found.ports, found.cluster, found.version) == ({"HTTP": [8080], "GRPC": [9090]}, "west", "v2")
    assert listening(fleet(), "printer").version == "printer"
