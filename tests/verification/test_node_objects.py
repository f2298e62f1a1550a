"""What a node does without is a check that fails, with the object and the reason."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from meshfleet.dataplane.node.left_out import LeftOut, condition
from meshfleet.verification.checks.node_objects import NodeObjects, judge
from meshfleet.verification.view import ClusterView

pytestmark = pytest.mark.proof("one bad object never stops another on a node", step=0)

CLUSTER: Any = SimpleNamespace(name="west")


def node(*left_out: LeftOut) -> SimpleNamespace:
    found = [SimpleNamespace(type="Ready", status="True"), SimpleNamespace(**condition(left_out))]
    return SimpleNamespace(metadata=SimpleNamespace(name="west-0"), status=SimpleNamespace(conditions=found))


def test_what_is_left_out_is_named_with_its_reason() -> None:
    left = LeftOut("EndpointSlice", "shop", "cart-x", "", "its addresses are IPv6")
    finding = judge(CLUSTER, [node(left)])
    assert not finding.passed
    assert "west-0 does not support: EndpointSlice shop/cart-x: its addresses are IPv6" in finding.detail
    assert judge(CLUSTER, [node()]).passed


def test_a_node_that_reports_nothing_is_no_proof() -> None:
    assert "no node agent of west reports" in judge(CLUSTER, [SimpleNamespace(metadata=None, status=None)]).detail


def test_clusters_without_processes_are_not_concerned() -> None:
    names = {field for field in ClusterView.__dataclass_fields__ if field == "pods"}
    assert names == {"pods"}
    fleet: Any = SimpleNamespace(
        clusters=(SimpleNamespace(name="a", pods="real"), SimpleNamespace(name="b", pods="processes"))
    )
    assert [cluster.name for cluster in NodeObjects().targets(fleet)] == ["b"]
