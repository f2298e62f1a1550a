"""The figures of the portal: what is computed from pairs of requests."""

from __future__ import annotations

import pytest

from scripts.benchmark.portal import rows

pytestmark = pytest.mark.proof("The API portal", step=0)


def test_what_the_portal_adds_is_told_by_percentile() -> None:
    run = [(0.003, 0.002)] * 98 + [(0.050, 0.010)] * 2
    p50, p95, p99 = rows([run, run, [(0.009, 0.001)] * 100])
    assert (p50.ours, p50.other, p50.ratio) == ("3.00 ms", "API server 2.00 ms", "+1.00 ms")
    assert p95.ratio == "+1.00 ms"
    assert (p99.ours, p99.other) == ("50.00 ms", "API server 10.00 ms")
