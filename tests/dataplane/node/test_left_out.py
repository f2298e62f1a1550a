"""One object that cannot be routed never stops another: it is left out and named, and nft takes the whole table."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshfleet.dataplane.network.rules import ServicePort, Target, node_rules
from meshfleet.dataplane.node.left_out import CONDITION, LeftOut, condition, event
from meshfleet.dataplane.node.pod_run import back_off
from meshfleet.dataplane.node.pod_status import failed_status
from meshfleet.dataplane.node.reports import Reports
from meshfleet.dataplane.node.services import MOST_ENDPOINTS, Leads, leads
from meshfleet.embedded.addresses import OUTSIDE_RANGE
from tests.examples import scaled
from tests.topology.kubernetes_names import object_faults

pytestmark = pytest.mark.proof("one bad object never stops another on a node", step=0)

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Object(SimpleNamespace):
    """As an object of the client: a field that is not given is None."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)


def led(services: list[Any], slices: list[Any]) -> Leads:
    return leads(services, slices)


def metadata(name: object, labels: object = None) -> Object:
    return Object(name=name, namespace="shop", uid=f"uid-{name}", labels=labels)


def service(name: object, address: object, *ports: object, ingress: object = None) -> Any:
    given = [port if isinstance(port, Object) else Object(name="", port=port, protocol="TCP") for port in ports]
    status = Object(loadBalancer=Object(ingress=[Object(ip=ingress)])) if ingress else None
    return Object(metadata=metadata(name), spec=Object(clusterIP=address, ports=given), status=status)


def slice_of(name: object, *addresses: object, family: object = "IPv4", port: object = 8080) -> Any:
    return Object(
        metadata=metadata(f"{name}-x", {"kubernetes.io/service-name": name}),
        addressType=family,
        ports=[Object(name="", port=port, protocol="TCP")],
        endpoints=[Object(addresses=list(addresses), conditions=Object(ready=True))],
    )


GOOD_SERVICE, GOOD_SLICE = service("good", "10.96.0.9", 80, ingress="198.18.0.9"), slice_of("good", "100.64.0.1")
GOOD = {
    ServicePort("10.96.0.9", "tcp", 80, (Target("100.64.0.1", 8080),)),
    ServicePort("198.18.0.9", "tcp", 80, (Target("100.64.0.1", 8080),)),
}
BAD_SLICES: dict[str, Any] = {
    "another family": slice_of("good", "2001:db8::1", family="IPv6"),
    "names": slice_of("good", "gateway.example", family="FQDN"),
    "an IPv6 address among IPv4": slice_of("good", "2001:db8::1"),
    "an address that is a name": slice_of("good", "x; flush ruleset"),
    "a loopback address": slice_of("good", "127.0.0.1"),
    "a port out of range": slice_of("good", "100.64.0.2", port=70000),
    "a port that is a text": slice_of("good", "100.64.0.2", port="80; drop"),
    "no metadata": Object(addressType="IPv4"),
    "an endpoint that is none": Object(metadata=metadata("y", {}), addressType="IPv4", endpoints=[3], ports=[]),
    "ports that are none": Object(metadata=metadata("z", {}), addressType="IPv4", endpoints=[], ports=7),
}
BAD_SERVICES: dict[str, Any] = {
    "another family": service("six", "fd00::9", 80),
    "an address of a load balancer of another family": service("lb", "10.96.0.8", 80, ingress="2001:db8::10"),
    "an address that is none": service("bad", "10.96.0.9 tcp dport 22 accept", 80),
    "a port out of range": service("bad", "10.96.0.7", 0),
    "a port that is a text": service("bad", "10.96.0.7", Object(name="", port="x", protocol="TCP")),
    "no metadata": Object(spec=Object(clusterIP="10.96.0.7", ports=[Object(port=80)])),
    "ports that are none": Object(metadata=metadata("bad"), spec=Object(clusterIP="10.96.0.7", ports=3)),
}


@pytest.mark.parametrize("bad", BAD_SLICES.values(), ids=BAD_SLICES)
def test_a_bad_slice_is_left_out_and_named(bad: Any) -> None:
    for slices in ([bad, GOOD_SLICE], [GOOD_SLICE, bad]):
        found = led([GOOD_SERVICE], slices)
        assert set(found.ports) == GOOD
        assert [one.kind for one in found.left_out] == ["EndpointSlice"]


@pytest.mark.parametrize("bad", BAD_SERVICES.values(), ids=BAD_SERVICES)
def test_a_bad_service_is_left_out_and_named(bad: Any) -> None:
    for services in ([bad, GOOD_SERVICE], [GOOD_SERVICE, bad]):
        found = led(services, [GOOD_SLICE])
        assert set(found.ports) >= GOOD
        assert [one.kind for one in found.left_out] == ["Service"]
        assert found.balancers == {"198.18.0.9"}


def test_of_very_many_endpoints_the_first_get_requests() -> None:
    many = [f"100.64.{number >> 8}.{number & 255}" for number in range(1, MOST_ENDPOINTS + 50)]
    found = led([service("many", "10.96.0.7", 80), GOOD_SERVICE], [slice_of("many", *many), GOOD_SLICE])
    assert max(len(port.targets) for port in found.ports) == MOST_ENDPOINTS
    assert "the first 1000 get requests" in str(found.left_out[0])


ANYTHING = st.none() | st.integers(-1, 70000) | st.text(max_size=12) | st.lists(st.integers(), max_size=2)
ADDRESSES = st.sampled_from(["10.96.0.1", "::1", "2001:db8::1", "0.0.0.0", "255.255.255.255", "None", "", "a;b\n"])
PORTS = st.builds(
    Object, name=ANYTHING, port=ANYTHING, protocol=st.sampled_from(["TCP", "UDP", "SCTP", "", None]) | ANYTHING
)
SERVICES = st.builds(
    Object,
    metadata=st.none() | st.builds(metadata, ANYTHING),
    spec=st.none() | st.builds(Object, clusterIP=ADDRESSES | ANYTHING, ports=st.lists(PORTS, max_size=3) | ANYTHING),
    status=st.none()
    | ADDRESSES.map(lambda address: Object(loadBalancer=Object(ingress=[Object(ip=address), Object(ip=None)]))),
)
ENDPOINTS = st.builds(Object, addresses=st.lists(ADDRESSES | ANYTHING, max_size=3) | ANYTHING, conditions=st.none())
LABELS = st.just({"kubernetes.io/service-name": "good"})
SLICES = st.builds(
    Object,
    metadata=st.none() | st.builds(metadata, ANYTHING, LABELS),
    addressType=st.sampled_from(["IPv4", "IPv6", "FQDN", None]) | ANYTHING,
    endpoints=st.lists(ENDPOINTS | ANYTHING, max_size=3) | ANYTHING,
    ports=st.lists(PORTS, max_size=3) | ANYTHING,
)


@scaled(200)
@given(st.lists(SERVICES, max_size=4), st.lists(SLICES, max_size=4))
def test_whatever_the_others_hold_the_good_ones_are_led(services: list[Any], slices: list[Any]) -> None:
    found = led([*services, GOOD_SERVICE], [*slices, GOOD_SLICE])
    ours = [port for port in found.ports if port.address == "10.96.0.9"]
    assert any(Target("100.64.0.1", 8080) in port.targets for port in ours)
    for one in found.left_out:
        assert one.reason.isprintable()
        made = event(one, "west-0", MOMENT)
        # What an API server has given a name has one that fits.
        assert made is None or made["message"]


@pytest.mark.root("rules of the kernel")
@settings(max_examples=12, deadline=None)
@given(st.lists(SERVICES, max_size=12), st.lists(SLICES, max_size=12))
def test_nft_takes_the_whole_table(services: list[Any], slices: list[Any]) -> None:
    found = led([*services, *BAD_SERVICES.values(), GOOD_SERVICE], [*slices, *BAD_SLICES.values(), GOOD_SLICE])
    rules = node_rules(found.ports, OUTSIDE_RANGE, "198.18.0.1")
    assert "ip daddr 10.96.0.9 tcp dport 80" in rules
    done = subprocess.run(
        ["unshare", "--net", "nft", "--check", "--file", "-"],
        input=rules,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_left_out_is_in_the_condition_of_the_node_as_long_as_it_lasts() -> None:
    assert (condition([])["type"], condition([])["status"]) == (CONDITION, "True")
    left = [LeftOut("Service", "shop", f"s{number}", "", "no port") for number in range(20)]
    found = condition(left)
    assert found["status"] == "False"
    assert found["message"].startswith("Service shop/s0: no port; Service shop/s1")
    assert found["message"].endswith("; and 12 more")


def test_the_event_is_on_the_object_and_the_same_again_is_the_same_event() -> None:
    left = LeftOut("EndpointSlice", "shop", "cart-x", "uid", "its addresses are IPv6")
    made = event(left, "west-0", MOMENT)
    assert made is not None
    assert list(object_faults(made)) == []
    assert made["involvedObject"]["apiVersion"] == "discovery.k8s.io/v1"
    again = event(left, "west-0", datetime(2027, 1, 1, tzinfo=UTC))
    assert again is not None
    assert again["metadata"] == made["metadata"]
    assert event(LeftOut("Node", "", "west-0", "", "x"), "west-0", MOMENT) is None


def test_a_report_lasts_until_its_source_reports_again_and_is_logged_once() -> None:
    said: list[str] = []
    reports = Reports("west-0", said.append)
    bad = LeftOut("Pod", "shop", "cart", "uid", "volume x: unknown kind")
    reports.set("pod 1", bad)
    reports.set("pod 1", bad)
    reports.replace("services", [])
    assert reports.current() == (bad,)
    assert said == ["left out: Pod shop/cart: volume x: unknown kind"]
    reports.set("pod 1", None)
    assert reports.current() == ()


def test_attempts_come_ever_more_slowly() -> None:
    assert [back_off(attempt, False) for attempt in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [back_off(attempt, True) for attempt in (1, 5, 30, 31, 32, 99)] == [1, 1, 1, 2, 4, 60]


def test_a_pod_that_cannot_be_started_says_why_in_its_status() -> None:
    pod = Object(spec=Object(initContainers=None, containers=[Object(name="istio-proxy", image="proxyv2")]))
    status = failed_status(pod, "PROXY_CONFIG is not JSON")
    (container,) = status["containerStatuses"]
    assert container["state"] == {"waiting": {"reason": "CreateContainerError", "message": "PROXY_CONFIG is not JSON"}}
    assert (status["phase"], status["message"]) == ("Pending", "PROXY_CONFIG is not JSON")
    assert failed_status(Object(), "x")["containerStatuses"] == []
