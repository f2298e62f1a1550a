"""One cluster with a control plane of its own, alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.clone import Clone
from tests.integration.models.carried import assert_answered_in, assert_checked_by_traffic
from tests.integration.models.running import GATEWAY, Running, running

pytestmark = pytest.mark.proof("the model of a single cluster", step=3)
rooted = pytest.mark.root("real requests")


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[Running]:
    with running(clone, "single-cluster") as made:
        yield made


@pytest.fixture(scope="module")
def checked(fleet: Running) -> dict[str, set[str]]:
    return fleet.verified()


def test_it_is_verified_and_not_about_others(fleet: Running, checked: dict[str, set[str]]) -> None:
    assert fleet.model("mesh") == "single cluster"
    assert "remote-control-plane" not in checked


def test_its_istiod_reads_and_injects_it_and_no_other(fleet: Running) -> None:
    assert fleet.known_to("only") == {"only": ""}
    assert fleet.injected_by("only") == ["only"]
    assert fleet.gateways("only") == {}


def test_it_has_neither_gateway_nor_remote_secrets_nor_reader(fleet: Running) -> None:
    assert GATEWAY not in fleet.names("only", "services", "--namespace", "istio-system")
    assert fleet.peers_told("only") == {}
    assert not [name for name in fleet.names("only", "secrets", "--namespace", "istio-system") if "reader" in name]


@rooted
@pytest.mark.proof("the model of a single cluster", step=4)
def test_its_workload_answers_and_verify_calls_it(fleet: Running, checked: dict[str, set[str]]) -> None:
    assert_answered_in(fleet, "only", ["only"])
    assert_checked_by_traffic(checked, [], "only")
