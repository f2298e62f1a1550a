"""Development apart from production: one name in two meshes, and no way from one into the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from meshfleet.dataplane.network.namespaces import inside
from meshfleet.testing import FleetUnderTest, Sender, answered, in_clear_text, settled
from meshfleet.testing.requests import PORT
from meshfleet.verification.traffic import Reply, Target, send
from tests.integration.clone import Clone
from tests.integration.use_cases.intruder import ask_over_tls, certificate_of
from tests.integration.use_cases.pages import assert_prints_what_the_page_shows
from tests.integration.use_cases.sending import sending

pytestmark = [
    pytest.mark.proof("no request crosses from one mesh of a fleet into another", step=4),
    pytest.mark.root("real requests"),
]

MESHES = ("development", "production")
WAYS = (MESHES, MESHES[::-1])
CART = "shop/cart"
# The name by which a gateway knows port 80 of `cart`, as every proxy of its own mesh asks for it.
SNI = "outbound_.80_._.cart.shop.svc.cluster.local"
CROSSING, CROSSING_ADDRESS = "cart.elsewhere.example", "240.240.0.1"


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[FleetUnderTest]:
    with sending(clone, "dev-prod") as running:
        yield running


def test_verify_prints_what_the_page_shows(fleet: FleetUnderTest) -> None:
    assert_prints_what_the_page_shows(fleet)


@pytest.mark.parametrize("mesh", MESHES)
def test_the_name_that_both_have_leads_to_the_callers_own(fleet: FleetUnderTest, mesh: str) -> None:
    sender = Sender(fleet, mesh, CART)
    replies = sender.send(CART)
    assert answered(replies) == {mesh: 200}
    assert {one.peer for one in replies} == {f"spiffe://{mesh}.example/ns/shop/sa/cart"} == {sender.identity}


@pytest.mark.parametrize(("here", "there"), WAYS)
def test_a_proxy_that_is_led_to_the_gateway_of_the_other_mesh_is_refused(
    fleet: FleetUnderTest, here: str, there: str
) -> None:
    gateway = fleet.cluster(there)["gateway"]
    apply(fleet, here, *way_in(gateway["address"], gateway["port"]))
    sender, refused = Sender(fleet, here, CART), "remote connection failure"

    def cross() -> list[Reply]:
        return send(sender.network_namespace, Target(CROSSING_ADDRESS, PORT, CROSSING), 5, 5.0)

    # Once the proxy knows the way. Why, it keeps to itself; that it is the certificate is seen below.
    assert settled(lambda: all((one.code, refused in one.fault) == (503, True) for one in cross()), 30), cross()
    assert {one.code for one in cross()} == {503}


@pytest.mark.parametrize(("here", "there"), WAYS)
def test_the_same_way_into_the_own_mesh_is_open(fleet: FleetUnderTest, here: str, there: str) -> None:
    gateway = fleet.cluster(here)["gateway"]
    apply(fleet, here, *way_in(gateway["address"], gateway["port"]))
    sender = Sender(fleet, here, CART)

    def cross() -> list[Reply]:
        return send(sender.network_namespace, Target(CROSSING_ADDRESS, PORT, CROSSING), 5, 5.0)

    assert settled(lambda: answered(cross()) == {here: 5}, 30), cross()


@pytest.mark.parametrize(("here", "there"), WAYS)
def test_a_pod_takes_a_certificate_of_its_own_mesh_and_none_of_the_other(
    fleet: FleetUnderTest, here: str, there: str
) -> None:
    certificate = certificate_of(fleet, here)
    gateways = {mesh: fleet.cluster(mesh)["gateway"] for mesh in MESHES}
    node = fleet.place.node(here)
    own, other = (
        inside(node, partial(ask_over_tls, gateways[mesh]["address"], int(gateways[mesh]["port"]), SNI, certificate))
        for mesh in (here, there)
    )
    # The gateways lead through to the pods, which are asked for their own certificates here.
    assert own.server == f"spiffe://{here}.example/ns/shop/sa/cart"
    assert own.said.startswith("HTTP/1.1 200")
    assert other.server == f"spiffe://{there}.example/ns/shop/sa/cart"
    # It says why, or hangs up.
    assert other.said == "" or "UNKNOWN_CA" in other.said


@pytest.mark.parametrize(("here", "there"), WAYS)
def test_the_gateway_of_the_other_mesh_takes_no_plain_text(fleet: FleetUnderTest, here: str, there: str) -> None:
    gateway = fleet.cluster(there)["gateway"]
    target = Target(gateway["address"], int(gateway["port"]), "cart.shop.svc.cluster.local")
    replies = send(Sender(fleet, here, CART).network_namespace, target, 5, 5.0)
    assert 200 not in {one.code for one in replies}


@pytest.mark.parametrize(("here", "there"), WAYS)
def test_the_pods_of_the_other_mesh_cannot_be_reached_by_their_addresses(
    fleet: FleetUnderTest, here: str, there: str
) -> None:
    (pod,) = fleet.ready_pods(there, CART)
    target = Target(pod["status"]["podIP"], 8080, "cart.shop.svc.cluster.local")
    replies = send(Sender(fleet, here, CART).network_namespace, target, 2, 2.0)
    assert 200 not in {one.code for one in replies}


def test_production_refuses_plain_text_and_development_does_not(fleet: FleetUnderTest) -> None:
    assert {one.code for one in in_clear_text(fleet, "production", CART)} == {0}
    assert {one.code for one in in_clear_text(fleet, "development", CART)} == {200}


def way_in(address: str, port: int) -> list[dict[str, Any]]:
    """What leads a proxy, with its own certificate, to a gateway as one of that gateway's mesh would ask it."""
    metadata = {"name": "way-in", "namespace": "shop"}
    entry = {
        "hosts": [CROSSING],
        "addresses": [CROSSING_ADDRESS],
        "ports": [{"number": PORT, "name": "http", "protocol": "HTTP", "targetPort": int(port)}],
        "resolution": "STATIC",
        "location": "MESH_INTERNAL",
        "endpoints": [{"address": address}],
    }
    rule = {"host": CROSSING, "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL", "sni": SNI}}}
    return [
        {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}
        for kind, spec in (("ServiceEntry", entry), ("DestinationRule", rule))
    ]


def apply(fleet: FleetUnderTest, cluster: str, *objects: dict[str, Any]) -> None:
    """Apply objects past the stack; they go with the cluster."""
    path = fleet.sandbox.folder / f"{cluster}.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}), encoding="utf-8")
    fleet.sandbox.kubectl(fleet.name, cluster, "apply", "--filename", str(path))
