"""A run asks everything at once, ends within its bound, and never raises because of the fleet."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import ClusterError
from meshfleet.verification import ALL, Check, CheckResult, ClusterView, Finding, FleetView, Report, run
from meshfleet.verification.unreachable import NoResponseError

pytestmark = pytest.mark.proof("verification of a running fleet", step=0)


class Told(Check):
    """Answers from a list, the last one for ever."""

    name = "told"

    def __init__(self, *findings: Finding | Exception) -> None:
        self.findings = list(findings)
        self.looks = 0

    def evaluate(self, fleet: FleetView, cluster: ClusterView, timeout: float) -> Finding:
        finding = self.findings[min(self.looks, len(self.findings) - 1)]
        self.looks += 1
        if isinstance(finding, Exception):
            raise finding
        return finding


@pytest.fixture
def one(fleet: FleetView) -> FleetView:
    return replace(fleet, clusters=fleet.clusters[:1])


def test_a_condition_that_settles_is_waited_for(one: FleetView) -> None:
    check = Told(Finding(False, "not yet"), NoResponseError("starting"), Finding(True, "there"))
    (result,) = check.run(one, timeout=5)
    assert (result.ok, result.detail, result.cluster, check.looks) == (True, "there", "west", 3)


def test_a_condition_that_never_holds_is_reported_as_last_seen_within_the_bound(one: FleetView) -> None:
    started = time.monotonic()
    (result,) = Told(Finding(False, "first"), Finding(False, "last\n  seen")).run(one, timeout=0.5)
    assert (result.ok, result.detail) == (False, "last seen")
    assert time.monotonic() - started < 2


def test_one_look_is_taken_even_when_no_time_is_left(one: FleetView) -> None:
    (result,) = Told(Finding(True, "there")).run(one, timeout=0)
    assert result.ok


def test_an_error_of_ours_becomes_a_failed_answer(one: FleetView) -> None:
    (result,) = Told(ClusterError("the API server of west refuses: no")).run(one, timeout=0)
    assert (result.ok, result.detail) == (False, "the API server of west refuses: no")


def test_every_cluster_gets_its_answer_and_the_caller_hears_each(fleet: FleetView) -> None:
    heard: list[CheckResult] = []
    report = run(fleet, [Told(Finding(True, "yes"))], heard.append, timeout=1)
    assert report.ok
    assert [result.cluster for result in report.results] == ["east", "solo", "west"]
    assert sorted(heard) == list(report.results)


def test_asking_nothing_verifies_nothing(fleet: FleetView) -> None:
    assert not run(fleet, []).ok
    assert not run(replace(fleet, clusters=())).ok
    assert run(fleet, []).as_json() == {"ok": False, "checks": []}


def test_a_fleet_of_which_nothing_answers_fails_every_check_by_name_and_raises_nothing(
    fleet: FleetView, closed_url: str, tmp_path: Path
) -> None:
    clusters = tuple(
        replace(
            cluster,
            kubeconfig=tmp_path / "none" / cluster.name,
            control_plane=replace(cluster.control_plane, debug_url=closed_url),
        )
        for cluster in fleet.clusters
    )
    gone = replace(fleet, clusters=clusters)
    report = run(gone, timeout=0.1)
    assert not report.ok
    assert len(report.results) == sum(len(check.targets(gone)) for check in ALL)
    assert report.failed == report.results
    assert all(result.detail for result in report.results)
    assert {result.name for result in report.results} == {
        "clusters-synced",
        "endpoint-shards",
        "endpoints-as-declared",
        "injection",
        "istioctl-analyze",
        "istioctl-remote-clusters",
        "mesh-config",
        "network-gateways",
        "service-addresses",
        "trust",
        "webhook-validation",
    }


def test_an_api_server_that_does_not_respond_is_named(fleet: FleetView, closed_url: str, kubeconfig: object) -> None:
    assert callable(kubeconfig)
    west = replace(fleet.clusters[0], kubeconfig=kubeconfig(closed_url))
    report = run(replace(fleet, clusters=(west,)), [check for check in ALL if check.name == "trust"], timeout=0.1)
    assert "the API server of west does not respond" in report.results[0].detail


ANSWERS = st.lists(
    st.builds(CheckResult, st.sampled_from("ab"), st.sampled_from("cd"), st.booleans(), st.text(), st.floats(0, 9)),
    max_size=6,
)


@given(ANSWERS, st.randoms())
def test_a_report_is_sorted_and_ok_only_when_all_of_some_hold(results: list[CheckResult], random: object) -> None:
    report = Report(tuple(results))
    shuffled = list(results)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert Report(tuple(shuffled)).as_json() == report.as_json()
    assert report.ok == (bool(results) and all(result.ok for result in results))
    assert report.as_json()["ok"] == report.ok
    assert all(set(check) == {"name", "cluster", "ok", "detail", "seconds"} for check in report.as_json()["checks"])
