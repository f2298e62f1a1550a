"""When releases are settled, with what the state says of them, and that a run is then repeated."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.automation.reporting.changes import Place, Record
from meshfleet.automation.unfinished_releases import RELEASE, known, stopped_by_releases

pytestmark = pytest.mark.proof("what an interrupted run left of a release is settled above the plugin", step=0)


def resource(name: str, **fields: Any) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:dev::meshfleet::x::{name}", "type": RELEASE, **fields}


STATE: dict[str, Any] = {
    "resources": [
        resource("west/istiod", id="istio-system/istiod"),
        resource("east/istiod", id="istio-system/istiod"),
        {"urn": "urn::west/other", "type": "kubernetes:core/v1:Secret", "id": "a/b"},
    ],
    "pending_operations": [
        {"type": "creating", "resource": resource("west/istio-base", inputs={"namespace": "n", "name": "istio-base"})},
        {"type": "creating", "resource": resource("west-2/istiod", inputs={"namespace": "n", "name": "istiod"})},
        {"type": "creating"},
    ],
}


def test_the_state_reports_which_releases_of_a_cluster_are_recorded_and_which_were_begun() -> None:
    found = known(STATE, "west", interrupted=True)
    assert found.recorded == {("istio-system", "istiod")}
    assert found.pending == {("n", "istio-base")}
    assert found.interrupted
    assert {urn.rpartition("::")[2] for urn in found.urns} == {"west/istiod", "west/istio-base"}


def test_of_an_empty_state_nothing_is_known() -> None:
    found = known({}, "west", interrupted=False)
    assert (found.recorded, found.pending, found.urns) == (frozenset(), frozenset(), frozenset())


@pytest.mark.parametrize(
    ("text", "stopped"),
    [
        ("create failed: cannot re-use a name that is still in use", True),
        (
            "UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress",
            True,
        ),
        ('"istiod" has no deployed releases', True),
        ("the API server does not respond", False),
    ],
)
def test_helm_is_known_by_its_own_words(text: str, stopped: bool) -> None:
    record = Record()
    record.failures[Place("west", "control plane", "istiod")] = [text]
    assert stopped_by_releases(record) is stopped
