"""An address that means two Services to one proxy is found, and only that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lightkube.resources.core_v1 import Service

from meshfleet.verification import FleetView
from meshfleet.verification.checks.service_addresses import (
    Addresses,
    Listening,
    ServiceAddresses,
    collisions,
    judge,
    overlapping,
    ports_of,
)

pytestmark = pytest.mark.proof("an address of a Service means one Service in a whole mesh", step=0)


def addresses(cluster: str, *ports: tuple[str, int, str, bool], of: str = "10.0.0.0/24") -> Addresses:
    return Addresses(cluster, (of,), {(ip, port): Listening(host, tcp) for ip, port, host, tcp in ports})


def test_a_tcp_service_at_the_address_of_one_that_is_elsewhere_alone_is_named() -> None:
    west = addresses("west", ("10.0.0.7", 5432, "db.shop", True))
    east = addresses("east", ("10.0.0.7", 5432, "mail.office", True))
    finding = judge([west, east])
    assert not finding.passed
    assert "10.0.0.7:5432 is db.shop in west and mail.office in east" in finding.detail


@pytest.mark.parametrize(
    ("mine", "other"),
    [
        (("10.0.0.7", 80, "a.shop", False), ("10.0.0.7", 80, "b.shop", False)),
        (("10.0.0.7", 80, "a.shop", True), ("10.0.0.7", 81, "b.shop", True)),
        (("10.0.0.7", 80, "a.shop", True), ("10.0.0.8", 80, "b.shop", True)),
        (("10.0.0.7", 80, "a.shop", True), ("10.0.0.7", 80, "a.shop", True)),
    ],
)
def test_requests_by_name_other_ports_and_the_same_service_do_not_collide(
    mine: tuple[str, int, str, bool], other: tuple[str, int, str, bool]
) -> None:
    finding = judge([addresses("west", mine), addresses("east", other)])
    assert finding.passed
    assert "those of west and east overlap" in finding.detail


def test_a_service_that_both_clusters_have_is_called_at_the_own_address() -> None:
    west = addresses("west", ("10.0.0.7", 1, "a.shop", True), ("10.0.0.8", 1, "b.shop", True))
    east = addresses("east", ("10.0.0.7", 1, "b.shop", True), ("10.0.0.8", 1, "a.shop", True))
    assert list(collisions([west, east])) == []


SERVICES = st.dictionaries(
    st.tuples(st.sampled_from(["10.0.0.1", "10.0.0.2"]), st.integers(1, 2)),
    st.builds(Listening, st.sampled_from(["a", "b", "c"]), st.booleans()),
)


@given(SERVICES, SERVICES)
def test_it_is_found_exactly_where_a_proxy_would_have_two_listeners(one: Any, other: Any) -> None:
    expected = set()
    for (here, name), (there, elsewhere) in (((one, "west"), (other, "east")), ((other, "east"), (one, "west"))):
        # A proxy of `here` listens for its own Services, and for those that are `there` alone.
        own = {listening.host for listening in here.values()}
        foreign = {place: listening for place, listening in there.items() if listening.host not in own}
        expected |= {
            f"{address}:{port} is {here[address, port].host} in {name} and {listening.host} in {elsewhere}"
            for (address, port), listening in foreign.items()
            if (address, port) in here and (listening.by_address or here[address, port].by_address)
        }
    assert set(collisions([Addresses("west", (), one), Addresses("east", (), other)])) == expected


def test_an_address_may_mean_two_services_to_proxies_that_know_one_of_them() -> None:
    west = addresses("west", ("10.0.0.7", 5432, "db.shop", True))
    east = addresses("east", ("10.0.0.7", 5432, "mail.office", True))
    apart = [replace(one, discovered=frozenset({one.cluster})) for one in (west, east)]
    assert judge(apart).passed
    assert "overlap" not in judge(apart).detail
    one_way = [apart[0], replace(east, discovered=frozenset({"west", "east"}))]
    assert set(collisions(one_way)) == {"10.0.0.7:5432 is mail.office in east and db.shop in west"}
    hub = Addresses("hub", (), {}, frozenset({"hub", "west", "east"}))
    assert list(overlapping([*apart, hub])) == ["those of west and east"]


def test_ranges_are_compared_pair_by_pair() -> None:
    three = [addresses("a"), addresses("b"), addresses("c", of="10.1.0.0/24")]
    assert list(overlapping(three)) == ["those of a and b"]


def test_headless_services_have_no_address_and_http_goes_by_name() -> None:
    ports = [{"name": "http-web", "port": 80}, {"name": "db", "port": 5432}, {"name": "dns", "port": 53}]
    ports[2]["protocol"] = "UDP"
    spec = {"clusterIP": "10.0.0.7", "ports": ports}
    services = [
        Service.from_dict({"metadata": {"name": name, "namespace": "shop"}, "spec": one})
        for name, one in (("web", spec), ("set", {"clusterIP": "None", "ports": ports}))
    ]
    assert ports_of(services) == {  # type: ignore[arg-type]
        ("10.0.0.7", 80): Listening("web.shop", False),
        ("10.0.0.7", 5432): Listening("web.shop", True),
    }


@pytest.mark.parametrize("has_kind", [True, False])
def test_the_range_of_a_cluster_is_queried_whatever_it_reports(
    fleet: FleetView, serve: Callable[..., Any], kubeconfig: Callable[[str], Path], has_kind: bool
) -> None:
    kinds = (
        (200, {"metadata": {}, "items": [{"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.9.0.0/16"]}}]})
        if has_kind
        else (404, {"kind": "Status", "code": 404, "message": "the server could not find the requested resource"})
    )
    refusal = "spec.clusterIPs: Invalid value: failed to allocate IP: The range of valid IPs is 10.9.0.0/16"
    server = serve(
        {
            "GET /api/v1/services": (200, {"metadata": {}, "items": []}),
            "GET /apis/networking.k8s.io/v1/servicecidrs": kinds,
            "POST /api/v1/namespaces/default/services": (422, {"kind": "Status", "code": 422, "message": refusal}),
        }
    )
    reached = replace(fleet, clusters=tuple(replace(one, kubeconfig=kubeconfig(server.url)) for one in fleet.clusters))
    (asked,) = ServiceAddresses().targets(reached)
    answer = ServiceAddresses().run_on(reached, asked, 0.01)
    assert answer.ok
    assert "west 10.9.0.0/16, east 10.9.0.0/16; those of west and east overlap" in answer.detail
