"""Gateways of one name in a primary and in its remote cluster: each takes the requests of its own listeners alone."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from meshfleet.dataplane.network.namespaces import inside
from meshfleet.testing import FleetUnderTest, answered, bring_up, settled
from meshfleet.topology import read_stack_file
from meshfleet.verification.traffic import Reply, Target, send
from tests.integration.clone import Clone
from tests.tls_servers import self_signed

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("gateways of clusters, of networks and from outside", step=4),
    pytest.mark.root("real requests"),
]

EXAMPLE, STACK = "examples/remote-ingress", "remote-ingress-tls"
HOSTS = {"west": "shop.west.example", "branch": "shop.branch.example"}
GATEWAYS = {"west": "shop", "branch": "branch-shop"}
CREDENTIAL = "shop-tls"
SECONDS = 10.0


@pytest.fixture(scope="module")
def certificate() -> tuple[bytes, bytes]:
    """A certificate for the host of the remote cluster, and its key."""
    return self_signed(HOSTS["branch"])


@pytest.fixture(scope="module")
def fleet(clone: Clone, certificate: tuple[bytes, bytes]) -> Iterator[FleetUnderTest]:
    """The example with TLS at the gateway of the remote; its certificate is there, all routes in the primary."""
    config: dict[str, Any] = json.loads(json.dumps(read_stack_file(clone.root / "stacks", EXAMPLE).config))
    config["clusters"]["branch"]["ingressGateways"]["shop"]["listeners"].append(
        {"port": 443, "protocol": "HTTPS", "hosts": [HOSTS["branch"]], "credentialName": CREDENTIAL}
    )
    clone.write_stack(STACK, config)
    with clone.sandbox() as sandbox, bring_up(sandbox, STACK) as made:
        files = sandbox.folder / "shop.crt", sandbox.folder / "shop.key"
        for path, content in zip(files, certificate, strict=True):
            path.touch(mode=0o600)
            path.write_bytes(content)
        secret = ("create", "secret", "tls", CREDENTIAL, "--namespace", "ingress")
        made.kubectl("branch", *secret, "--cert", str(files[0]), "--key", str(files[1]))
        routes = sandbox.folder / "routes.json"
        routes.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [*map(route, HOSTS)]}))
        made.kubectl("west", "apply", "--filename", str(routes))
        yield made


def route(cluster: str) -> dict[str, Any]:
    """What leads from the gateway of a cluster to the workload."""
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": GATEWAYS[cluster], "namespace": "ingress"},
        "spec": {
            "hosts": [HOSTS[cluster]],
            "gateways": [f"ingress/{GATEWAYS[cluster]}"],
            "http": [{"route": [{"destination": {"host": "echo.sample.svc.cluster.local", "port": {"number": 80}}}]}],
        },
    }


def address(fleet: FleetUnderTest, cluster: str) -> str:
    """The address of the gateway of a cluster."""
    (gateway,) = fleet.cluster(cluster)["ingressGateways"]
    return str(gateway["address"])


def requested(fleet: FleetUnderTest, cluster: str, host: str, count: int) -> list[Reply]:
    """Requests for a host to the gateway of a cluster, from its node, which has no proxy and no identity."""
    return send(fleet.place.node(cluster), Target(address(fleet, cluster), 80, host), count, SECONDS)


@pytest.mark.parametrize("cluster", HOSTS)
def test_requests_through_the_gateway_of_each_cluster_reach_the_workload_in_both(
    fleet: FleetUnderTest, cluster: str
) -> None:
    assert settled(lambda: requested(fleet, cluster, HOSTS[cluster], 1)[0].code == 200, 60)
    replies = requested(fleet, cluster, HOSTS[cluster], 40)
    assert answered(replies).keys() == set(HOSTS), answered(replies)
    # The workload is called by the gateway, with the identity of that.
    assert {one.peer for one in replies} == {"spiffe://cluster.local/ns/ingress/sa/shop"}


@pytest.mark.parametrize(("cluster", "other"), [("west", "branch"), ("branch", "west")])
def test_a_gateway_has_no_listener_of_the_one_of_the_same_name_in_the_other_cluster(
    fleet: FleetUnderTest, cluster: str, other: str
) -> None:
    assert settled(lambda: requested(fleet, cluster, HOSTS[cluster], 1)[0].code == 200, 60)
    assert {one.code for one in requested(fleet, cluster, HOSTS[other], 5)} == {404}


def test_the_gateway_shows_the_certificate_that_is_in_its_own_cluster_alone(
    fleet: FleetUnderTest, certificate: tuple[bytes, bytes]
) -> None:
    assert CREDENTIAL not in fleet.names("west", "secrets", "--namespace", "ingress")
    trusting = ssl.create_default_context(cadata=certificate[0].decode())
    place = (address(fleet, "branch"), 443)

    def status() -> bytes:
        request = f"GET / HTTP/1.1\r\nHost: {HOSTS['branch']}\r\nConnection: close\r\n\r\n".encode()
        try:
            with (
                socket.create_connection(place, SECONDS) as plain,
                trusting.wrap_socket(plain, server_hostname=HOSTS["branch"]) as connection,
            ):
                connection.sendall(request)
                return connection.recv(1024).splitlines()[0]
        except OSError as error:
            return str(error).encode()

    assert settled(lambda: inside(fleet.place.node("branch"), status) == b"HTTP/1.1 200 OK", 60), inside(
        fleet.place.node("branch"), status
    )


def test_every_check_passes_and_a_second_up_changes_nothing(fleet: FleetUnderTest) -> None:
    assert fleet.verify()["proxies-synced"] == set(HOSTS)
    assert fleet.up()["changes"] == {}
