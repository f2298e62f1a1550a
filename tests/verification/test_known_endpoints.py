"""What a share leaves is taken away only once istiods have endpoints of its new home."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from meshfleet.automation import known_endpoints
from meshfleet.automation.known_endpoints import Known, known_in, missing_in, services_of, unknown
from meshfleet.federation.failover import transfer
from meshfleet.verification import FleetView
from meshfleet.verification.access import Answer
from meshfleet.verification.istiod import Endpoint
from tests.federation.test_failover_decisions import config_map, deployment, fleet, in_order

pytestmark = pytest.mark.proof("the share of a cluster that stays unreachable moves, and comes back by rule", step=0)

HOST = "istio-eastwestgateway.istio-system.svc.cluster.local"


def service(name: str, **selector: str) -> dict[str, Any]:
    return config_map(name) | {"kind": "Service", "spec": {"selector": selector, "ports": [{"port": 80}]}}


def test_services_that_select_the_moved_pods_are_awaited_and_no_others() -> None:
    objects = (deployment(), service("web", app="web"), service("other", app="other"), service("none"))
    made = fleet(*objects, placement=in_order("b", "c"))
    way = transfer(made, {"web": {"b": "2028-11-22T04:51:12Z"}})
    assert services_of(way.both, way.awaited) == {"c": ("web.shop.svc.cluster.local",)}


@pytest.mark.parametrize(
    ("services", "answers", "lacking"),
    [
        ({"east": (HOST,)}, {"west": True, "east": True}, []),
        ({"east": ("web.shop.svc.cluster.local",)}, {"west": True, "east": False}, ["west"]),
        ({"east": ("web.shop.svc.cluster.local",)}, {"west": False, "east": False}, []),
        # Its istiods discover no cluster of that name.
        ({"elsewhere": ("web.shop.svc.cluster.local",)}, {"west": True, "east": True}, []),
    ],
)
def test_each_istiod_that_answers_and_discovers_the_new_home_has_its_endpoints(
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    services: dict[str, tuple[str, ...]],
    answers: dict[str, bool],
    lacking: list[str],
) -> None:
    view: FleetView = request.getfixturevalue("fleet")
    recorded: Callable[[str], Any] = request.getfixturevalue("recorded")
    page = Answer("", recorded("endpointShardz.json"))
    monkeypatch.setattr(known_endpoints, "istiod_access", lambda *_: SimpleNamespace(pages=lambda *_: (page,)))
    found = unknown(view, services, answers)
    assert [line.split()[3] for line in found] == lacking
    assert all("has no endpoints of web.shop.svc.cluster.local in east" in line for line in found)


def known(*addresses: str) -> Known:
    return known_in(Endpoint("web", "home", address, "", "", "", "") for address in addresses)


@pytest.mark.parametrize(
    ("elsewhere", "at_home", "missing"),
    [
        (("10.0.0.1",), ("10.0.0.1",), ""),
        # What is on its way out there does not matter.
        (("10.0.0.1", "10.0.0.9"), ("10.0.0.1",), ""),
        (("10.0.0.9",), ("10.0.0.1",), "former endpoints"),
        (("10.0.0.1",), ("10.0.0.1", "10.0.0.2"), "former endpoints"),
        ((), ("10.0.0.1",), "no endpoints"),
        # A home without an istiod of its own, or with one that has not seen them.
        (("10.0.0.9",), None, ""),
        (("10.0.0.9",), (), ""),
    ],
)
def test_an_istiod_has_the_endpoints_that_the_istiod_of_the_home_has(
    elsewhere: tuple[str, ...], at_home: tuple[str, ...] | None, missing: str
) -> None:
    pages = {"home": [known(*at_home)]} if at_home is not None else {}
    found = list(missing_in("west", [("home", "web")], known(*elsewhere), pages))
    assert found == ([f"the istiod of west has {missing} of web in home"] if missing else [])
