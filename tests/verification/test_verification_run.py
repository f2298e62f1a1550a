"""A run asks everything at once, ends within its bound, and never raises because of the fleet."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import ClusterError
from meshfleet.verification import ALL, Answer, Check, ClusterView, Finding, FleetView, Report, run
from meshfleet.verification.unreachable import NoAnswerError

pytestmark = pytest.mark.proof("verification of a running fleet", step=0)


class Told(Check):
    """Answers from a list, the last one for ever."""

    name = "told"

    def __init__(self, *findings: Finding | Exception) -> None:
        self.findings = list(findings)
        self.looks = 0

    def look(self, fleet: FleetView, cluster: ClusterView, patience: float) -> Finding:
        finding = self.findings[min(self.looks, len(self.findings) - 1)]
        self.looks += 1
        if isinstance(finding, Exception):
            raise finding
        return finding


@pytest.fixture
def one(fleet: FleetView) -> FleetView:
    return replace(fleet, clusters=fleet.clusters[:1])


def test_a_condition_that_settles_is_waited_for(one: FleetView) -> None:
    check = Told(Finding(False, "not yet"), NoAnswerError("starting"), Finding(True, "there"))
    (answer,) = check.ask(one, bound=5)
    assert (answer.ok, answer.detail, answer.cluster, check.looks) == (True, "there", "west", 3)


def test_a_condition_that_never_holds_is_told_as_last_seen_within_the_bound(one: FleetView) -> None:
    started = time.monotonic()
    (answer,) = Told(Finding(False, "first"), Finding(False, "last\n  seen")).ask(one, bound=0.5)
    assert (answer.ok, answer.detail) == (False, "last seen")
    assert time.monotonic() - started < 2


def test_one_look_is_taken_even_when_no_time_is_left(one: FleetView) -> None:
    (answer,) = Told(Finding(True, "there")).ask(one, bound=0)
    assert answer.ok


def test_an_error_of_ours_becomes_a_failed_answer(one: FleetView) -> None:
    (answer,) = Told(ClusterError("the API server of west refuses: no")).ask(one, bound=0)
    assert (answer.ok, answer.detail) == (False, "the API server of west refuses: no")


def test_every_cluster_gets_its_answer_and_the_caller_hears_each(fleet: FleetView) -> None:
    heard: list[Answer] = []
    report = run(fleet, [Told(Finding(True, "yes"))], heard.append, bound=1)
    assert report.ok
    assert [answer.cluster for answer in report.answers] == ["east", "solo", "west"]
    assert sorted(heard) == list(report.answers)


def test_asking_nothing_verifies_nothing(fleet: FleetView) -> None:
    assert not run(fleet, []).ok
    assert not run(replace(fleet, clusters=())).ok
    assert run(fleet, []).as_json() == {"ok": False, "checks": []}


def test_a_fleet_of_which_nothing_answers_fails_every_check_by_name_and_raises_nothing(
    fleet: FleetView, nobody: str, tmp_path: Path
) -> None:
    clusters = tuple(
        replace(
            cluster,
            kubeconfig=tmp_path / "none" / cluster.name,
            control_plane=replace(cluster.control_plane, debug_url=nobody),
        )
        for cluster in fleet.clusters
    )
    gone = replace(fleet, clusters=clusters)
    report = run(gone, bound=0.1)
    assert not report.ok
    assert len(report.answers) == sum(len(check.concerns(gone)) for check in ALL)
    assert report.failed == report.answers
    assert all(answer.detail for answer in report.answers)
    assert {answer.name for answer in report.answers} == {
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


def test_an_api_server_that_does_not_answer_is_named(fleet: FleetView, nobody: str, kubeconfig: object) -> None:
    assert callable(kubeconfig)
    west = replace(fleet.clusters[0], kubeconfig=kubeconfig(nobody))
    report = run(replace(fleet, clusters=(west,)), [check for check in ALL if check.name == "trust"], bound=0.1)
    assert "the API server of west does not answer" in report.answers[0].detail


ANSWERS = st.lists(
    st.builds(Answer, st.sampled_from("ab"), st.sampled_from("cd"), st.booleans(), st.text(), st.floats(0, 9)),
    max_size=6,
)


@given(ANSWERS, st.randoms())
def test_a_report_is_sorted_and_ok_only_when_all_of_some_hold(answers: list[Answer], random: object) -> None:
    report = Report(tuple(answers))
    shuffled = list(answers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert Report(tuple(shuffled)).as_json() == report.as_json()
    assert report.ok == (bool(answers) and all(answer.ok for answer in answers))
    assert report.as_json()["ok"] == report.ok
    assert all(set(check) == {"name", "cluster", "ok", "detail", "seconds"} for check in report.as_json()["checks"])
