"""An istiod's debug API is read as it really answers, and whatever else comes back is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import UnreachableError, VerificationError
from meshfleet.verification import FleetView, istiod
from meshfleet.verification.view import ClusterView

pytestmark = pytest.mark.proof("verification of a running fleet", step=0)

PARSERS = (
    istiod.known_clusters,
    istiod.network_gateways,
    istiod.service_shards,
    istiod.mesh_config,
    lambda answer: istiod.root_objects(answer, "istio-system"),
)

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def at(cluster: ClusterView, url: str | None) -> ClusterView:
    return replace(cluster, control_plane=replace(cluster.control_plane, debug_url=url))


def test_recorded_answers_are_understood(recorded: Callable[[str], Any]) -> None:
    clusters = istiod.known_clusters(recorded("clusterz.json"))
    assert [(c.id, c.secret, c.status) for c in clusters] == [
        ("west", "", "synced"),
        ("east", "istio-system/istio-remote-secret-east", "synced"),
    ]
    gateways = istiod.network_gateways(recorded("networkz.json"))
    assert [(g.network, g.cluster, g.address, g.port) for g in gateways] == [
        ("net-east", "east", "127.0.0.2", 15443),
        ("net-west", "west", "127.0.0.1", 15443),
    ]
    shards = istiod.service_shards(recorded("endpointShardz.json"))
    gateway = shards["istio-eastwestgateway.istio-system.svc.cluster.local"]
    assert {name: (s.endpoints, set(s.networks)) for name, s in gateway.items()} == {
        "west": (1, {"net-west"}),
        "east": (1, {"net-east"}),
    }


def test_null_is_no_entry() -> None:
    assert istiod.known_clusters(None) == ()
    assert istiod.network_gateways(None) == ()


@pytest.mark.parametrize("parser", PARSERS)
@given(answer=ANY_JSON)
def test_any_json_is_parsed_or_refused_by_name(parser: Callable[[Any], Any], answer: Any) -> None:
    try:
        parser(answer)
    except VerificationError as error:
        assert "/debug/" in str(error)  # noqa: PT017, either outcome is right


def test_a_page_is_requested_from_the_clusters_own_istiod(fleet: FleetView, serve: Callable[..., Any]) -> None:
    server = serve({"GET /debug/clusterz": (200, [])})
    assert istiod.query(at(fleet.clusters[0], server.url), "clusterz", 5) == []


def test_an_istiod_that_does_not_respond_is_named_with_its_address(fleet: FleetView, closed_url: str) -> None:
    with pytest.raises(
        UnreachableError, match=rf"the istiod of west \(default\) at {closed_url}/debug/clusterz does not"
    ):
        istiod.query(at(fleet.clusters[0], closed_url), "clusterz", 5)


def test_a_refusal_and_an_answer_that_is_no_json_are_named(fleet: FleetView, serve: Callable[..., Any]) -> None:
    server = serve({"GET /debug/clusterz": (503, "starting"), "GET /debug/networkz": (200, "<html>")})
    west = at(fleet.clusters[0], server.url)
    with pytest.raises(VerificationError, match="returned HTTP 503: starting"):
        istiod.query(west, "clusterz", 5)
    with pytest.raises(VerificationError, match="did not return JSON: '<html>'"):
        istiod.query(west, "networkz", 5)


def test_a_control_plane_without_a_debug_url_is_named(fleet: FleetView) -> None:
    with pytest.raises(VerificationError, match="no debugUrl for the control plane of west"):
        istiod.query(at(fleet.clusters[0], None), "clusterz", 5)
