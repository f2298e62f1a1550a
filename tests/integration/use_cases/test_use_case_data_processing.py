"""Data processing apart from storage: who may call is told by identity, across clusters, and nobody else is let in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from meshfleet.testing import FleetUnderTest, Sender, answered, in_clear_text
from tests.integration.clone import Clone
from tests.integration.use_cases.pages import assert_prints_what_the_page_shows
from tests.integration.use_cases.sending import sending

pytestmark = [
    pytest.mark.extended,
    pytest.mark.proof("a workload lets in whom it names, from any cluster, and refuses their neighbours", step=4),
    pytest.mark.root("real requests"),
]

PROCESSING, REPORTS, STORAGE = "analytics/processing", "analytics/reports", "records/storage"


@pytest.fixture(scope="module")
def fleet(clone: Clone) -> Iterator[FleetUnderTest]:
    with sending(clone, "data-processing") as running:
        yield running


def test_verify_prints_what_the_page_shows(fleet: FleetUnderTest) -> None:
    assert_prints_what_the_page_shows(fleet)


def test_storage_takes_the_requests_of_processing_out_of_another_cluster(fleet: FleetUnderTest) -> None:
    sender = Sender(fleet, "compute", PROCESSING)
    replies = sender.send(STORAGE)
    assert answered(replies) == {"data": 200}
    assert {one.peer for one in replies} == {sender.identity}


def test_storage_refuses_the_neighbour_of_processing(fleet: FleetUnderTest) -> None:
    replies = Sender(fleet, "compute", REPORTS).send(STORAGE, 50)
    assert answered(replies) == {"403 RBAC: access denied": 50}


def test_the_neighbour_may_call_processing_and_processing_not_itself(fleet: FleetUnderTest) -> None:
    assert answered(Sender(fleet, "compute", REPORTS).send(PROCESSING, 50)) == {"compute": 50}
    assert answered(Sender(fleet, "compute", PROCESSING).send(PROCESSING, 50)) == {"403 RBAC: access denied": 50}


def test_who_is_in_the_same_cluster_as_what_it_calls_is_no_better_off(fleet: FleetUnderTest) -> None:
    assert answered(Sender(fleet, "data", STORAGE).send(PROCESSING, 50)) == {"403 RBAC: access denied": 50}
    assert answered(Sender(fleet, "data", STORAGE).send(STORAGE, 50)) == {"403 RBAC: access denied": 50}


def test_who_has_no_identity_is_not_even_answered(fleet: FleetUnderTest) -> None:
    assert {one.code for one in in_clear_text(fleet, "data", STORAGE)} == {0}


def test_whom_it_names_is_let_in_and_the_former_refused_as_soon_as_the_stack_says_so(fleet: FleetUnderTest) -> None:
    path = fleet.sandbox.project / "stacks" / "examples" / "Pulumi.data-processing.yaml"
    text = path.read_text(encoding="utf-8")
    swapped = text.replace("allowedCallers: [analytics/processing]", "allowedCallers: [analytics/reports]")
    assert swapped != text
    try:
        path.write_text(swapped, encoding="utf-8")
        fleet.up()
        assert Sender(fleet, "compute", REPORTS).is_answered_by(STORAGE, "data")
        assert Sender(fleet, "compute", PROCESSING).is_answered_by(STORAGE, "403 RBAC: access denied")
    finally:
        path.write_text(text, encoding="utf-8")
