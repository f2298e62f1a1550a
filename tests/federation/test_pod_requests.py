"""The requests of a pod template are those that the scheduler of Kubernetes counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.federation.candidates import Candidate
from meshfleet.federation.capacity import Requests, Room, free_in
from meshfleet.federation.requests import requests_of
from meshfleet.topology.propagation.capacity import Capacity
from tests.examples import up_to

pytestmark = pytest.mark.proof(
    "replicas go where there is capacity, and what fits nowhere is pending by number", step=0
)

Container = dict[str, Any]


def asks(cpu: object = None, memory: object = None, **others: Any) -> Container:
    requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value is not None}
    return {"name": "c", "resources": {"requests": requests}, **others}


def pod(*containers: Container, init: tuple[Container, ...] = (), **others: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), "initContainers": list(init), **others}}


SIDECAR = {"restartPolicy": "Always"}


@pytest.mark.parametrize(
    "template, requests",
    [
        (pod(asks("500m", "1Gi"), asks("1", "64Mi")), Requests(1500, 2**30 + 2**26)),
        (pod(asks("100m"), init=(asks("300m"), asks("200m"))), Requests(300)),
        (pod(asks("500m"), init=(asks("300m"), asks("200m"))), Requests(500)),
        (pod(asks("500m"), init=(asks("300m", **SIDECAR),)), Requests(800)),
        # 300m run beside the init container, whose 600m are more than the container's.
        (pod(asks("500m"), init=(asks("300m", **SIDECAR), asks("600m"))), Requests(900)),
        # A sidecar that starts after the init container does not run beside it.
        (pod(asks("100m"), init=(asks("600m"), asks("300m", **SIDECAR))), Requests(600)),
        (pod(asks("100m"), overhead={"cpu": "50m", "memory": "10M"}), Requests(150, 10_000_000)),
        (pod({"resources": {"limits": {"cpu": "2"}}}), Requests(2000)),
        (pod(asks("100m"), resources={"requests": {"cpu": "1"}}), Requests(1000)),
        (pod(asks("100m"), resources={"limits": {"cpu": "1"}}), Requests(100)),
        (pod(asks(), resources={"limits": {"cpu": "1"}}), Requests(1000)),
        (pod(asks(1, 1000)), Requests(1000, 1000)),
        (pod(asks(0.5)), Requests(500)),
        (pod(asks("100u", "1e3")), Requests(1, 1000)),
        (pod(asks("1500000n", ".5Ki")), Requests(2, 512)),
        (pod(asks("0.1", "1E")), Requests(100, 10**18)),
        ({}, Requests()),
        ({"spec": {"containers": None, "initContainers": "none"}}, Requests()),
        (pod({"resources": None}), Requests()),
    ],
)
def test_a_pod_asks_for_what_the_scheduler_counts(template: dict[str, Any], requests: Requests) -> None:
    assert requests_of(template) == requests


@pytest.mark.parametrize("amount", ("many", "", "-1", "1Gb", True, [], "1e999", "٣"))
def test_an_amount_that_is_no_quantity_is_refused_with_its_path(amount: object) -> None:
    with pytest.raises(ValueError, match=r"^containers\[1\]\.resources\.requests\.cpu: .* is not a quantity"):
        requests_of(pod(asks("1"), asks(amount)))


@given(st.integers(0, 64_000), st.integers(0, 500), st.integers(0, 4_000), st.integers(0, 300))
@up_to(100)
def test_as_many_fit_as_can_be_taken_one_by_one(cpu: int, pods: int, asked: int, memory: int) -> None:
    room, requests = Room(cpu, 20_000, pods), Requests(asked, memory)
    fits = room.fits(requests)
    assert fits is not None
    free = free_in([Candidate("a", capacity=Capacity(cpu=f"{cpu}m", memory="20k", pods=pods))])
    assert free.fits(["a"], requests) == {"a": fits}
    full = free.less(requests, {"a": fits})
    assert full.fits(["a"], requests) == {"a": 0}
    assert min(each for each in full.rooms["a"] if each is not None) >= 0
    assert free.fits(["a"], requests) == {"a": fits}


def test_a_cluster_without_capacity_holds_any_number() -> None:
    free = free_in([Candidate("a"), Candidate("b", capacity=Capacity(memory="1Gi"))])
    assert free.fits(["a", "b"], Requests(cpu=10**9)) == {"a": None, "b": None}
    assert free.less(Requests(1, 2**20), {"a": 5, "b": 5}).rooms == {"a": Room(), "b": Room(memory=1019 * 2**20)}


def test_less_than_nothing_is_free_where_more_is_placed_than_fits() -> None:
    free = free_in([Candidate("a", capacity=Capacity(cpu="1", pods=3))]).less(Requests(500), {"a": 4})
    assert free.rooms["a"] == Room(cpu=-1000, pods=-1)
    assert free.fits(["a"], Requests()) == {"a": 0}
    assert free.rooms["a"].shortage(Requests(500)) == "a replica needs 500m cpu, 0 free and 1 pod, 0 free"
