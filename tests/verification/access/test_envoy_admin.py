"""Where a proxy sends requests is read from Envoy's admin API, and whether it does so by TLS."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import VerificationError
from meshfleet.verification.access import envoy_admin
from meshfleet.verification.access.envoy_admin import Upstream
from meshfleet.verification.checks.traffic_wire import judge_upstreams

pytestmark = pytest.mark.proof("verification where istiod and proxies are pods", step=0)

HOST, PORT = "echo.sample.svc.cluster.local", 80
NEAR, FAR = Upstream("10.66.0.5", 8080, 102, tls=True), Upstream("172.30.1.3", 15443, 98, tls=True)
GATEWAYS = {("172.30.1.3", 15443): "shop"}
NAMES = st.sampled_from(("configs", "cluster_statuses", "name", "host_statuses", "address", "endpoint_config", "stats"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just(f"outbound|{PORT}||{HOST}"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)


@pytest.fixture
def pages(recorded: Callable[[str], Any]) -> tuple[Any, Any]:
    """What a real Envoy answered after 200 requests."""
    return recorded("envoy-clusters.json"), recorded("envoy-config-dump.json")


def test_endpoints_and_their_requests_are_read(pages: tuple[Any, Any]) -> None:
    assert envoy_admin.upstreams(*pages, HOST, PORT) == (NEAR, FAR)


def test_an_endpoint_whose_socket_is_not_tls_is_plain(pages: tuple[Any, Any]) -> None:
    clusters, dump = pages
    without = deepcopy(dump)
    for section in without["configs"]:
        for entry in section.get("dynamic_endpoint_configs", ()):
            for endpoint in entry["endpoint_config"]["endpoints"][0]["lb_endpoints"]:
                endpoint["metadata"]["filter_metadata"].pop("envoy.transport_socket_match")
    assert [one.tls for one in envoy_admin.upstreams(clusters, without, HOST, PORT)] == [False, False]
    # Without the configuration nothing is known to be TLS.
    assert [one.tls for one in envoy_admin.upstreams(clusters, {"configs": []}, HOST, PORT)] == [False, False]


def test_a_service_that_the_proxy_does_not_know_is_an_error(pages: tuple[Any, Any]) -> None:
    with pytest.raises(VerificationError, match=r"does not know echo\.sample\.svc\.cluster\.local:81"):
        envoy_admin.upstreams(*pages, HOST, 81)


def test_lines_of_the_agent_before_the_json_are_left_out() -> None:
    assert envoy_admin.printed_json('2026-11-27\twarn\tno CA\n{"a": 1}') == {"a": 1}
    for text in ("", "no JSON", "{", "{" * 100_000):
        with pytest.raises(VerificationError, match="no JSON"):
            envoy_admin.printed_json(text)


def test_requests_to_gateways_by_tls_pass_and_others_do_not() -> None:
    assert judge_upstreams({FAR: 5}, GATEWAYS).passed
    assert "shop 172.30.1.3:15443 5" in judge_upstreams({FAR: 5}, GATEWAYS).detail
    assert judge_upstreams({}, GATEWAYS).passed
    astray = judge_upstreams({FAR: 5, Upstream("10.67.0.9", 8080, 0, tls=True): 5}, GATEWAYS)
    assert not astray.passed
    assert "not to a gateway: 10.67.0.9:8080" in astray.detail
    plain = judge_upstreams({Upstream("172.30.1.3", 15443, 0, tls=False): 5}, GATEWAYS)
    assert not plain.passed
    assert "not TLS: 172.30.1.3:15443" in plain.detail


@given(clusters=JSON, dump=JSON)
def test_whatever_envoy_answers_ends_in_endpoints_or_an_error(clusters: Any, dump: Any) -> None:
    try:
        found = envoy_admin.upstreams(clusters, dump, HOST, PORT)
    except VerificationError:
        return
    assert json.dumps([one.address for one in found])
