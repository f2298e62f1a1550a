"""The figures of placement: what is computed from what was measured, and that what is measured can be placed."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshfleet.federation.propagated import propagations
from meshfleet.manifests.propagation_faults import faults_of_propagations
from meshfleet.sources.loading import load
from scripts.benchmark.placements import TOGETHER, placed_stack
from scripts.benchmark.placing import Placed, rows

pytestmark = pytest.mark.proof("figures of placement", step=0)


def placed(seconds: float) -> Placed:
    steps = {"read and checked": 1.0, "placed with overrides": 2.0, "documents": 3.0, "explained": 4.0}
    return Placed(seconds, steps, 70)


def test_growth_is_told_for_workloads_and_for_clusters() -> None:
    found = {(10, 100): [placed(2.0)], (20, 100): [placed(3.0)], (30, 100): [placed(9.0), placed(6.0), placed(4.0)]}
    found |= {(10, 25): [placed(0.5)], (10, 50): [placed(1.0)]}
    whole, workloads, clusters, explained = rows(found)
    assert whole.ours == "6.0 s"
    assert "70 documents" in whole.what
    assert whole.other == "of which 1.0 s read and checked, 2.0 s placed with overrides, 3.0 s documents"
    assert (workloads.ours, workloads.other, workloads.ratio) == ("2.0, 3.0, 6.0 s", "10, times 3: 6.0 s", "1.00")
    assert (clusters.ours, clusters.other) == ("0.5, 1.0, 2.0 s", "for each cluster more: 20 ms, 20 ms")
    assert clusters.ratio.startswith("0.02 N + 0, deviation at most ")
    assert explained.ours == "4.0 s more"


def test_what_is_measured_is_placed_in_every_way_with_overrides(tmp_path: Path) -> None:
    config = placed_stack(tmp_path, 4 * TOGETHER // 10, 20, together=TOGETHER // 10)
    fleet = load("placed", config, project=tmp_path)
    assert faults_of_propagations(fleet) == []
    found = propagations(fleet).objects
    assert len(found) == 4 * TOGETHER // 10
    assert {one.propagation for one in found} == set(config["propagations"])
    assert all(one.copies for one in found)
    assert all(any(copy.steps for copy in one.copies.values()) for one in found)
