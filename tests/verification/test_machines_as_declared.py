"""WorkloadEntries and proxies of machines are compared with their group; what follows it, and what has to be set up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.status import read_status
from meshfleet.verification import FleetView
from meshfleet.verification.checks.machines_as_declared import judge
from meshfleet.verification.istiod import ProxyNode, proxy_nodes
from meshfleet.verification.machine_entries import GROUP, Entry, differences, followed, is_of
from meshfleet.verification.machine_view import MachineView, machine_view

pytestmark = pytest.mark.proof("what machines registered as follows their group, without a lost request", step=0)

VIEW = MachineView(
    "billing", "orders", "west", network="coast", account="clerk", labels={"app": "b"}, locality=("r1", "r1-b", "")
)
SPEC: dict[str, Any] = {
    "address": "10.1.0.9",
    "network": "coast",
    "serviceAccount": "clerk",
    "locality": "r1/r1-b",
    "labels": {"app": "b", "service.istio.io/canonical-name": "b"},
}
PROXY = ProxyNode("west", "orders", "billing", "coast", "mesh1", "clerk", "")


def entry(**spec: Any) -> Entry:
    return Entry("billing-10.1.0.9", "orders", {GROUP: "billing"}, SPEC | spec)


def test_an_entry_as_its_group_says_holds(fleet: FleetView) -> None:
    assert list(differences(VIEW, entry())) == []
    assert judge(fleet.clusters[0], [VIEW], [entry()], [PROXY]).passed


@pytest.mark.parametrize(
    ("spec", "field", "follows"),
    [
        ({"network": ""}, "network", {"network": "coast"}),
        ({"network": "inland"}, "network", {}),
        ({"serviceAccount": "other"}, "serviceAccount", {}),
        ({"locality": ""}, "locality", {"locality": "r1/r1-b"}),
        ({"labels": {}}, "label app", {"labels": {"app": "b"}}),
        ({"labels": {"app": "old"}}, "label app", {"labels": {"app": "b"}}),
    ],
)
def test_each_field_is_compared_and_follows_where_the_machine_need_not_be_set_up_again(
    fleet: FleetView, spec: dict[str, Any], field: str, follows: dict[str, Any]
) -> None:
    assert [name for name, _, _ in differences(VIEW, entry(**spec))] == [field]
    assert followed(VIEW, entry(**spec)) == follows
    finding = judge(fleet.clusters[0], [VIEW], [entry(**spec)], [])
    assert not finding.passed
    assert f"{field} of WorkloadEntry billing-10.1.0.9" in finding.detail
    assert "meshfleet vm start billing" in finding.detail


@given(st.dictionaries(st.sampled_from(["network", "locality", "serviceAccount"]), st.sampled_from(["", "x", "coast"])))
def test_what_follows_leaves_nothing_of_it_different(spec: dict[str, str]) -> None:
    before = entry(**spec)
    after = replace(before, spec={**before.spec, **followed(VIEW, before)})
    left = {name for name, _, _ in differences(VIEW, after)}
    assert left <= {"serviceAccount", "network"}
    assert ("network" in left) == (spec.get("network") == "x")
    assert followed(VIEW, after) == {}


@pytest.mark.parametrize("changed", [{"network": ""}, {"mesh": "other"}, {"account": "other"}])
def test_a_proxy_that_was_set_up_otherwise_is_named(fleet: FleetView, changed: dict[str, str]) -> None:
    finding = judge(fleet.clusters[0], [VIEW], [entry()], [replace(PROXY, **changed)])
    assert not finding.passed
    assert "of its proxy is" in finding.detail


def test_a_pod_of_the_same_name_is_no_machine(fleet: FleetView) -> None:
    assert judge(fleet.clusters[0], [VIEW], [entry()], [replace(PROXY, node="west-0", network="")]).passed


def test_entries_of_other_groups_and_of_other_namespaces_are_not_of_these() -> None:
    assert not is_of(VIEW, replace(entry(), namespace="papers"))
    assert not is_of(VIEW, replace(entry(), annotations={GROUP: "till"}))
    fixed = replace(VIEW, registers=False, addresses=("10.1.0.9",))
    assert is_of(fixed, replace(entry(), name="billing-10-1-0-9", annotations={}))
    assert followed(fixed, entry(network="")) == {}


def test_what_proxies_say_of_themselves_is_read() -> None:
    said = {"CLUSTER_ID": "west", "NAMESPACE": "orders", "WORKLOAD_NAME": "billing", "NETWORK": "coast"}
    said |= {"MESH_ID": "mesh1", "SERVICE_ACCOUNT": "clerk"}
    assert proxy_nodes({"totalClients": 1, "clients": [{"connectionId": "x", "metadata": said}]}) == (PROXY,)
    assert proxy_nodes({"totalClients": 0}) == ()


def test_a_status_of_an_earlier_release_declares_nothing_to_compare(fleet: FleetView) -> None:
    told = {"name": "billing", "namespace": "orders", "controlPlane": "west", "group": "billing"}
    (machines,) = read_status({"stack": "test", "virtualMachines": [told]}).virtual_machines
    view = machine_view(machines)
    assert (view.network, view.place) == ("", "")
