"""What an istiod would tell its ztunnels is read as it really answers, and what is missing in it is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meshfleet.errors import VerificationError
from meshfleet.verification import ClusterView, FleetView, read_fleet
from meshfleet.verification.checks.ambient_workloads import AmbientWorkloads, Workload, judge, workloads

pytestmark = pytest.mark.proof("ambient mode over several networks", step=0)

Recorded = Callable[[str], Any]


@pytest.fixture
def calm(status: dict[str, Any], tmp_path: Path) -> FleetView:
    """The clusters `west` and `east` in ambient mode, as in the recorded answer of the istiod of `east`."""
    for entry in status["clusters"][:2]:
        entry |= {"dataPlane": "ambient", "network": f"network-{entry['name']}"}
    return read_fleet(status, tmp_path)


def east_of(fleet: FleetView) -> ClusterView:
    return fleet.clusters[1]


def without(found: Sequence[Workload], text: str) -> list[Workload]:
    """The workloads but those with that text in their uid."""
    return [one for one in found if text not in one.uid]


def test_the_istiod_of_every_ambient_cluster_is_queried_once_for_each_revision(calm: FleetView) -> None:
    assert [cluster.name for cluster in AmbientWorkloads().targets(calm)] == ["west", "east"]
    west = calm.clusters[0]
    other = replace(west.control_plane, revision="green")
    two = replace(west, control_plane=replace(west.control_plane, others=(other,)))
    concerned = AmbientWorkloads().targets(replace(calm, clusters=(two, *calm.clusters[1:])))
    assert [(cluster.name, cluster.control_plane.revision) for cluster in concerned] == [
        ("west", "default"),
        ("west", "green"),
        ("east", "default"),
    ]


def test_no_cluster_with_sidecars_is_checked(fleet: FleetView) -> None:
    assert AmbientWorkloads().targets(fleet) == ()


def test_a_recorded_answer_is_reported_with_nodes_gateways_and_services(calm: FleetView, recorded: Recorded) -> None:
    finding = judge(calm, east_of(calm), workloads(recorded("ambientz.json")))
    assert finding.passed
    assert finding.detail == (
        "the istiod of east has ztunnel on 1 nodes, gateways to network-west, shared services "
        "reviews.shop.svc.cluster.local, waypoint.shop.svc.cluster.local"
    )


def test_the_page_is_requested_from_an_istiod(calm: FleetView, recorded: Recorded, serve: Callable[..., Any]) -> None:
    server = serve({"GET /debug/ambientz": (200, recorded("ambientz.json"))})
    east = east_of(calm)
    east = replace(east, control_plane=replace(east.control_plane, debug_url=server.url))
    assert AmbientWorkloads().evaluate(calm, east, 5).passed
    assert [path for path, _ in server.requests] == ["GET /debug/ambientz"]


def test_an_istiod_that_knows_no_ztunnel_of_its_own_cluster_fails(calm: FleetView, recorded: Recorded) -> None:
    found = workloads(recorded("ambientz.json"))
    finding = judge(calm, east_of(calm), without(found, "Pod/istio-system/ztunnel-"))
    assert not finding.passed
    assert f"knows no ztunnel of its cluster among {len(found) - 1} workloads" in finding.detail
    # One of another cluster is none of its own.
    others = [replace(one, cluster="west") if one.name.startswith("ztunnel-") else one for one in found]
    assert not judge(calm, east_of(calm), others).passed


def test_a_network_without_a_gateway_is_named(calm: FleetView, recorded: Recorded) -> None:
    finding = judge(calm, east_of(calm), without(workloads(recorded("ambientz.json")), "NetworkGateway/"))
    assert not finding.passed
    assert "the istiod of east has no ztunnel gateway to network-west" in finding.detail


def test_a_cluster_that_is_alone_needs_no_gateway(calm: FleetView, recorded: Recorded) -> None:
    alone = replace(calm, clusters=(east_of(calm),))
    found = without(without(workloads(recorded("ambientz.json")), "NetworkGateway/"), "SplitHorizonWorkload")
    finding = judge(alone, east_of(calm), found)
    assert (finding.passed, finding.detail) == (True, "the istiod of east has ztunnel on 1 nodes")


def test_an_istiod_without_any_workload_says_null(calm: FleetView) -> None:
    assert workloads({"workloads": None}) == ()
    assert "among 0 workloads" in judge(calm, east_of(calm), ()).detail


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["workloads", "uid", "services", "name"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(ANY_JSON)
@example({"workloads": [{"services": 1}]})
@example([{"services": {"a": 1}}])
def test_any_json_is_parsed_or_refused_by_name(answer: Any) -> None:
    try:
        workloads(answer)
    except VerificationError as error:
        assert "/debug/ambientz" in str(error)  # noqa: PT017, either outcome is right
