"""The figures of growth: what is computed from what was measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.manifests import fleet_plan
from meshfleet.topology import load
from scripts.benchmark.api_calls import Calls, counted
from scripts.benchmark.fitting import Line, fit
from scripts.benchmark.stage import generated

pytestmark = pytest.mark.proof("figures of growth", step=0)

METRICS = """\
# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",group="",resource="pods",scope="cluster",verb="LIST"} 4
apiserver_request_total{code="201",component="apiserver",group="",resource="secrets",scope="resource",verb="POST"} 3
apiserver_request_total{code="200",component="apiserver",group="",resource="secrets",scope="resource",verb="APPLY"} 2
apiserver_request_total{code="0",component="apiserver",group="",resource="pods",scope="cluster",verb="WATCH"} 50
apiserver_request_total{code="200",group="coordination.k8s.io",resource="leases",scope="resource",verb="PUT"} 1e+03
apiserver_request_terminations_total{code="500",resource="pods",verb="LIST"} 7
"""


@given(
    slope=st.integers(-1000, 1000),
    intercept=st.integers(-1000, 1000),
    counts=st.sets(st.integers(1, 1000), min_size=2, max_size=6),
)
def test_the_fit_of_a_line_is_that_line(slope: int, intercept: int, counts: set[int]) -> None:
    line = fit({count: slope * count + intercept for count in counts})
    assert line.slope == pytest.approx(slope, abs=0.002)
    assert line.intercept == pytest.approx(intercept, abs=0.002)
    assert line.deviation == pytest.approx(0, abs=0.002)


def test_what_grows_with_the_square_deviates() -> None:
    line = fit({count: count**2 for count in (3, 6, 12)})
    assert line.deviation > 4
    assert str(Line(16, -2, 0)) == "16 N - 2, deviation at most 0"


def test_calls_are_counted_without_watches_and_leases() -> None:
    assert counted(METRICS) == Calls(total=9, writes=5)


def test_objects_of_a_fleet_grow_with_its_clusters_and_not_with_their_square() -> None:
    planned = {count: sum(map(len, fleet_plan(load("many", generated(count))).values())) for count in (2, 3, 6, 12, 24)}
    assert fit(planned).deviation == 0
