"""What is read from answers, packets and localities, and what of it is a fault."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshfleet.dataplane.network.capture import Capture, is_record, protocol, tcp_packet
from meshfleet.verification import ClusterView, ControlPlaneView, FleetView, MeshView, run
from meshfleet.verification.checks import traffic, traffic_wire
from meshfleet.verification.locality import nearest
from meshfleet.verification.steady_requests import Sent, SteadyRequests
from meshfleet.verification.traffic import Reply, reply, summarize
from meshfleet.verification.view import GatewayView, RootObject
from meshfleet.verification.workload_view import WorkloadView

pytestmark = pytest.mark.proof("verification by traffic, with counts", step=0)

BODY = """\
[0] ServiceVersion=v1
[0] Cluster=west
[0] RequestHeader=X-Forwarded-Client-Cert:By=spiffe://a/ns/s/sa/echo;Hash=1;Subject="";URI=spiffe://a/ns/s/sa/caller
[0] RequestHeader=Accept:*/*
"""
PEER = "spiffe://mesh.example/ns/sample/sa/echo"
ECHO = WorkloadView("echo", "sample", "echo.sample.svc.cluster.local", 80, True, False, (), {"v1": 1})
OUTLIERS = RootObject("DestinationRule", "rule", {"trafficPolicy": {"outlierDetection": {"interval": "1s"}}})


def cluster(name: str, region: str, zone: str = "a") -> ClusterView:
    gateway = GatewayView(f"198.18.0.{len(name)}", 15443, False)
    plane = ControlPlaneView("own", name)
    return ClusterView(
        name, "member", "mesh1", f"n-{name}", Path(), plane, region, zone, gateway=gateway, workloads=(ECHO,)
    )


def fleet(*clusters: ClusterView, objects: tuple[RootObject, ...] = (), **settings: Any) -> FleetView:
    mesh = MeshView("mesh1", "mesh.example", None, mesh_config=settings, objects=objects)
    return FleetView("test", clusters, (mesh,), Path())


def plain(text: str) -> str:
    """The answer as the echo server gives it, without the number of the request before each line."""
    return text.replace("[0] ", "")


def good(name: str, peer: str = PEER) -> Reply:
    return Reply(200, name, "v1", peer)


def test_a_response_reports_its_cluster_its_version_and_the_caller() -> None:
    assert reply(200, plain(BODY)) == Reply(200, "west", "v1", "spiffe://a/ns/s/sa/caller")
    assert reply(503, "upstream\nconnect error").fault == "upstream connect error"
    assert reply(500, "").fault == "HTTP 500"


def test_requests_are_counted_by_who_answered_and_by_what_went_wrong() -> None:
    replies = [good("west"), good("east"), good("west"), Reply(0, fault="timed out"), Reply(503, fault="no")]
    assert summarize(replies) == "east 1, west 2, 1 times no response (timed out), 1 times 503 (no)"


def test_every_cluster_answers_none_is_lost_and_the_caller_is_known() -> None:
    west, east = cluster("west", "r1"), cluster("east", "r2")
    both, names = fleet(west, east), ["west", "east"]
    assert traffic.judge(both, west, ECHO, names, [good("west"), good("east")]) == ""
    assert "no response from east" in traffic.judge(both, west, ECHO, names, [good("west")])
    assert "unexpected response from third" in traffic.judge(
        both, west, ECHO, names, [good("west"), good("east"), good("third")]
    )
    assert "1 of 3 failed" in traffic.judge(both, west, ECHO, names, [good("west"), good("east"), Reply(503)])
    stranger = traffic.judge(both, west, ECHO, names, [good("west"), good("east", "")])
    assert stranger == f"the caller was identified as unknown, expected {PEER}"


def test_without_outlier_detection_all_answer_and_with_it_the_nearest() -> None:
    here, zone, region, far = (
        cluster("here", "r1", "a"),
        cluster("zone", "r1", "b"),
        cluster("region", "r2"),
        cluster("far", "r3"),
    )
    everybody = [here, zone, region, far]
    assert nearest(fleet(*everybody), here, everybody) == ["here", "zone", "region", "far"]
    failover = {"localityLbSetting": {"failover": [{"from": "r1", "to": "r3"}]}}
    local = fleet(*everybody, objects=(OUTLIERS,), **failover)
    assert nearest(local, here, everybody) == ["here"]
    assert nearest(local, here, everybody[1:]) == ["zone"]
    assert nearest(local, here, everybody[2:]) == ["far"]
    assert nearest(local, here, [region]) == ["region"]
    assert nearest(replace(local, meshes=fleet(objects=(OUTLIERS,)).meshes), here, everybody[2:]) == ["region", "far"]


def test_only_clusters_that_the_caller_discovers_have_to_answer() -> None:
    central = replace(cluster("central", "r1"), read_by=())
    edge = replace(cluster("edge", "r2"), read_by=("central",))
    other = replace(cluster("other", "r3"), read_by=("central",))
    hub = fleet(central, edge, other)
    running = {one.name: [each.name for each in traffic.running(hub, one, ECHO)] for one in hub.clusters}
    assert running == {"central": ["central", "edge", "other"], "edge": ["edge"], "other": ["other"]}
    assert "unexpected response from other" in traffic.judge(hub, edge, ECHO, ["edge"], [good("edge"), good("other")])
    across = replace(hub, clusters=tuple(replace(one, pods="processes") for one in hub.clusters), home=Path())
    named = replace(across, clusters=tuple(replace(one, injected_namespaces=("sample",)) for one in across.clusters))
    assert [one.name for one in traffic_wire.TrafficWire().targets(named)] == ["central"]
    # An edge whose own workload goes by weights, and that discovers no other, has no cluster to compare answers with.
    routed = replace(edge, workloads=(replace(ECHO, name="cart", routed=True), replace(ECHO, replicas={})))
    alone = replace(named, clusters=(named.clusters[0], replace(named.clusters[1], workloads=routed.workloads)))
    assert [one.name for one in traffic.TrafficReach().targets(alone)] == ["central"]


@pytest.mark.parametrize(
    ("pattern", "local"),
    [
        ("echo.sample.svc.cluster.local", True),
        ("*.sample.svc.cluster.local", True),
        ("*.svc.cluster.local", True),
        ("cho.sample.svc.cluster.local", False),
        ("*.ample.svc.cluster.local", False),
        ("echo.other.svc.cluster.local", False),
    ],
)
def test_a_cluster_local_service_is_answered_by_the_cluster_of_the_caller_alone(pattern: str, local: bool) -> None:
    settings = [{"settings": {"clusterLocal": True}, "hosts": ["other.a.svc.cluster.local", pattern]}]
    west, east = cluster("west", "r1"), replace(cluster("east", "r2"), workloads=(replace(ECHO, replicas={}),))
    caller = replace(ECHO, name="caller", host="caller.elsewhere.svc.cluster.local")
    both = fleet(west, cluster("east", "r2"), serviceSettings=settings)
    assert [one.name for one in traffic.running(both, west, ECHO)] == (["west"] if local else ["west", "east"])
    # A cluster that runs none of it calls none, and nothing is captured between the networks.
    east = replace(east, workloads=(*east.workloads, caller), injected_namespaces=("sample",))
    half = replace(fleet(west, east, serviceSettings=settings), home=Path())
    assert [one.name for one in traffic.known(half, east)] == (["caller"] if local else ["echo", "caller"])


@pytest.mark.parametrize(
    ("export_to", "known"),
    [((), True), (("*",), True), (("caller",), True), ((".", "caller"), True), ((".",), False), (("other",), False)],
)
def test_requests_are_sent_from_namespaces_whose_proxies_know_the_workload(
    export_to: tuple[str, ...], known: bool
) -> None:
    caller = replace(ECHO, name="caller", namespace="caller", host="caller.caller.svc.cluster.local")
    target = replace(ECHO, export_to=export_to, allowed_callers=("sample/other",))
    # Of the target no pod runs here that could call it from its own namespace.
    here = replace(cluster("west", "r1"), workloads=(caller, replace(target, replicas={})))
    here = replace(here, injected_namespaces=("caller", "sample"))
    there = replace(cluster("east", "r2"), workloads=(target,))
    found = traffic.known(replace(fleet(here, there), home=Path()), here)
    assert [one.name for one in found] == (["caller", "echo"] if known else ["caller"])
    refused = replace(here, pods="processes")
    assert traffic.TrafficRefused().targets(replace(fleet(refused, there), home=Path())) == (
        (refused,) if known else ()
    )


def frame(source: tuple[str, int], target: tuple[str, int], content: bytes = b"", *, opens: bool = False) -> bytes:
    """An Ethernet frame with a TCP packet in it."""
    flags = 0x02 if opens else 0x18
    segment = struct.pack("!HHIIBBHHH", source[1], target[1], 0, 0, 5 << 4, flags, 0, 0, 0) + content
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0) + addresses
    return bytes(12) + struct.pack("!H", 0x0800) + header + segment


CLIENT, GATEWAY, POD = ("198.18.0.9", 40000), ("198.18.0.4", 15443), ("10.0.0.1", 8080)
HELLO = bytes.fromhex("160301") + struct.pack("!H", 100) + bytes(100)


def test_a_tls_record_is_distinguished_from_anything_else() -> None:
    assert is_record(HELLO)
    assert is_record(bytes.fromhex("1703030010") + bytes(16))
    assert not is_record(b"GET / HTTP/1.1\r\n")
    assert not is_record(b"\x16\x03")


def test_of_a_packet_its_ends_and_its_content_are_read() -> None:
    packet = tcp_packet(frame(CLIENT, GATEWAY, b"abc"))
    assert packet is not None
    assert (packet.source, packet.target, packet.opens, packet.content) == (CLIENT, GATEWAY, False, b"abc")
    assert tcp_packet(b"short") is None
    udp = bytearray(frame(CLIENT, GATEWAY))
    udp[23] = 17
    assert protocol(bytes(udp)) == "IP protocol 17"


def test_tls_to_a_gateway_is_allowed_and_nothing_else_between_networks() -> None:
    allowed = {GATEWAY: "east"}
    capture = Capture()
    for one in (frame(CLIENT, GATEWAY, opens=True), frame(CLIENT, GATEWAY, HELLO), frame(GATEWAY, CLIENT, HELLO)):
        capture.add(one)
    assert traffic_wire.judge(capture, allowed).passed
    # Opened again, and refused.
    capture.add(frame(("198.18.0.9", 40001), GATEWAY, opens=True))
    assert traffic_wire.judge(capture, allowed).passed
    plaintext = Capture()
    for one in (frame(CLIENT, GATEWAY, opens=True), frame(CLIENT, GATEWAY, b"GET / HTTP/1.1\r\n")):
        plaintext.add(one)
    assert "not TLS: 198.18.0.4:15443" in traffic_wire.judge(plaintext, allowed).detail
    astray = Capture()
    astray.add(frame(CLIENT, POD, opens=True))
    finding = traffic_wire.judge(astray, allowed)
    assert not finding.passed
    assert "not to a gateway: 10.0.0.1:8080" in finding.detail


def test_the_longest_gap_is_between_good_answers_and_the_whole_time_when_there_is_none() -> None:
    lost = Reply(0, fault="reset")
    requests = SteadyRequests(
        [Sent(0.0, 0.1, good("west")), Sent(1.0, 1.1, lost), Sent(2.0, 2.6, good("east")), Sent(3.0, 3.1, good("west"))]
    )
    assert requests.longest_gap == pytest.approx(2.5)
    assert len(requests.failed) == 1
    assert requests.clusters() == {"west": 2, "east": 1}
    assert requests.faults() == {"no response: reset": 1}
    assert len(requests.since(2.0).requests) == 2
    assert SteadyRequests([Sent(0.0, 5.0, lost)]).longest_gap == pytest.approx(5.0)
    assert SteadyRequests().longest_gap == 0.0


def test_a_check_that_cannot_run_is_reported_for_the_clusters_it_concerns() -> None:
    simulated = "simulated: it takes root"
    inside: dict[str, Any] = {"injected_namespaces": ("sample",), "pods": simulated}
    west, east = (replace(cluster(name, "r1"), **inside) for name in ("west", "east"))
    strict = RootObject("PeerAuthentication", "default", {"mtls": {"mode": "STRICT"}})
    without = replace(fleet(west, replace(east, workloads=()), objects=(strict,)), home=Path())
    reason = "its pods are simulated, since it takes root"
    assert traffic.TrafficReach().skipped(without) == {"west": reason}
    assert traffic_wire.TrafficPlaintext().skipped(without) == {"west": reason}
    # Nobody is refused by name, and the network of no other cluster is called.
    assert traffic.TrafficRefused().skipped(without) == {}
    assert traffic_wire.TrafficWire().skipped(without) == {}
    report = run(without, (traffic.TrafficReach(), traffic_wire.TrafficPlaintext()))
    assert (report.results, report.ok) == ((), False)
    assert [(one.name, one.cluster) for one in report.not_run] == [
        ("traffic-reach", "west"),
        ("traffic-plaintext", "west"),
    ]
