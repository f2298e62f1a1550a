"""The figures of requests: what is counted, and what the stacks they are measured on are."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.topology import load
from meshfleet.verification.steady_requests import Sent, SteadyRequests
from meshfleet.verification.traffic import Reply
from scripts.benchmark.hops import two_networks
from scripts.benchmark.load import Load
from scripts.benchmark.machines import with_a_machine
from scripts.benchmark.region import Loss, three_regions
from scripts.continuity_under_change.changes import CHANGES
from scripts.continuity_under_change.figures import Figures, faults, table
from scripts.continuity_under_change.fleet_under_change import CALLER, HOST, LATER, FleetUnderChange, configuration
from tests.integration.clone import CHECKOUT

pytestmark = pytest.mark.proof("figures of requests under change", step=0)

GOOD = Reply(200, "east")
BAD = Reply(503, fault="upstream connect error")


def requests() -> SteadyRequests:
    return SteadyRequests([Sent(0.0, 0.1, GOOD), Sent(0.5, 0.6, BAD), Sent(1.0, 1.6, GOOD), Sent(1.5, 1.7, GOOD)])


def test_a_row_reports_what_was_sent_and_lost_and_the_longest_gap_between_good_answers() -> None:
    figures = Figures("something", 12.3, requests())
    assert figures.row == "| something | 12 s | 4 | 1 | 1.50 s | east 3 |"
    assert table([figures]).splitlines()[2:] == [figures.row]
    assert faults(figures) == ["   0.50 s, after 0.10 s: 503: upstream connect error"]


def test_the_last_failure_counts_from_the_loss() -> None:
    assert Loss(requests(), 0.4).last_failure == pytest.approx(0.1)
    assert Loss(requests().since(1.0), 1.0).last_failure == 0.0


def test_a_load_reports_its_rate_and_its_percentiles_in_milliseconds() -> None:
    measured = Load(tuple(number / 1000 for number in range(1, 1001)), 4.0)
    assert measured.rate == 250
    assert measured.percentile(50) == pytest.approx(500.5)
    assert measured.percentile(99) == pytest.approx(990.99)


def test_the_stacks_are_valid() -> None:
    assert set(load("hops", two_networks()).clusters) == {"west", "near", "east"}
    assert set(load("machines", with_a_machine()).virtual_machines) == {"billing"}
    assert set(load("regions", three_regions()).clusters) == {"north", "central", "south"}


def test_the_changes_of_the_stack_file_follow_one_another() -> None:
    written: list[dict[str, Any]] = []
    commands: list[tuple[str, ...]] = []
    fleet = FleetUnderChange(CHECKOUT, lambda _, config: written.append(config), lambda *words: commands.append(words))
    for name in ("intermediate", "root", "token", "revision", "add", "remove"):
        for change in CHANGES[name]:
            before = fleet.config
            change.make(fleet)
            load("continuity", fleet.config)
            assert fleet.config != before, change.what
    assert LATER in load("continuity", written[-2]).clusters
    assert load("continuity", written[-1]).meshes["mesh1"].trust.roots == ("second",)
    assert set(commands) == {("up", "--stack", "continuity")}
    assert set(configuration(HOST, CALLER)["clusters"]) == {HOST, CALLER}
