"""One control plane serves two clusters on networks of their own; without it nothing is injected in either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from meshfleet.dataplane.node.node_agent import missing_prerequisite
from meshfleet.verification.steady_requests import SteadyRequests
from tests.integration.clone import Clone
from tests.integration.models.carried import ECHO, assert_answered_in, assert_checked_by_traffic
from tests.integration.models.running import GATEWAY, Running, running
from tests.integration.use_cases.sending import Sender

pytestmark = pytest.mark.proof("the model primary-remote", step=3)
rooted = pytest.mark.root("real requests")

NETWORKS = {"primary": "network-primary", "branch": "network-branch"}


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Running]:
    with running(clone, "primary-remote") as made:
        yield made


@pytest.fixture(scope="module")
def checked(fleet: Running) -> dict[str, set[str]]:
    return fleet.verified()


def test_it_is_verified(fleet: Running, checked: dict[str, set[str]]) -> None:
    assert fleet.model("mesh") == "primary-remote, several networks"
    assert checked["remote-control-plane"] == {"branch"}


def test_the_primary_reads_the_remote_and_the_remote_nobody(fleet: Running) -> None:
    assert fleet.known_to("primary") == {"primary": "", "branch": "istio-system/istio-remote-secrets"}
    assert fleet.peers_told("primary") == {"istio-system": {"branch"}}
    assert fleet.peers_told("branch") == {}
    assert fleet.istiods() == ["primary"]


def test_the_remote_has_no_istiod_of_its_own_and_trusts_the_root_of_the_mesh(fleet: Running) -> None:
    fleet.assert_served_from_elsewhere("branch", "mesh")
    fleet.assert_leads_to_gateway_of("branch", "primary")


def test_the_istiod_of_the_primary_knows_the_gateways_of_both_networks(fleet: Running) -> None:
    assert fleet.gateways("primary") == NETWORKS
    rules = {
        name: fleet.names(name, "gateways.networking.istio.io", "--namespace", "istio-system")
        for name in NETWORKS
        if name == "primary"
    }
    assert rules == {"primary": {"cross-network-gateway", "istiod-gateway"}}
    ports = {port["port"] for port in fleet.get("primary", "service", GATEWAY, "-n", "istio-system")["spec"]["ports"]}
    assert ports >= {15443, 15012, 15017}


@dataclass(frozen=True)
class Outage:
    """The istiod of the primary was gone and came back: who injected before and after, and what happened meanwhile."""

    injected_by: tuple[list[str], list[str]]
    refusals: dict[str, str]
    requests: dict[str, SteadyRequests]


@pytest.fixture(scope="module")
def outage(fleet: Running) -> Outage:
    before = fleet.injected_by("branch")
    with ExitStack() as stack:
        callers = () if missing_prerequisite() else NETWORKS
        requests = {name: stack.enter_context(Sender(fleet, name, ECHO).send_steadily(ECHO, 10)) for name in callers}
        fleet.end("primary")
        refusals = {cluster: fleet.try_pod(cluster, expect=1).err for cluster in NETWORKS}
        fleet.up()
        return Outage((before, fleet.injected_by("branch")), refusals, requests)


def test_pods_of_the_remote_are_injected_by_the_istiod_of_the_primary_and_by_nobody_once_it_is_gone(
    outage: Outage,
) -> None:
    assert outage.injected_by == (["primary"], ["primary"])
    assert outage.refusals.keys() == NETWORKS.keys()
    assert all("failed calling webhook" in refusal for refusal in outage.refusals.values())


@rooted
@pytest.mark.proof("the model primary-remote", step=4)
@pytest.mark.parametrize("cluster", NETWORKS)
def test_requests_of_both_clusters_go_on_while_their_istiod_is_gone(outage: Outage, cluster: str) -> None:
    requests = outage.requests[cluster]
    assert not requests.faults()
    assert requests.clusters().keys() == NETWORKS.keys()


@rooted
@pytest.mark.proof("the model primary-remote", step=4)
@pytest.mark.parametrize("cluster", NETWORKS)
def test_requests_from_every_cluster_are_answered_in_every_cluster(fleet: Running, cluster: str) -> None:
    assert_answered_in(fleet, cluster, NETWORKS)


@rooted
@pytest.mark.proof("the model primary-remote", step=4)
def test_verify_sends_requests_from_every_cluster_and_clear_text_gets_in_nowhere(checked: dict[str, set[str]]) -> None:
    assert_checked_by_traffic(checked, NETWORKS)
    assert checked["traffic-wire"] == set(NETWORKS)
