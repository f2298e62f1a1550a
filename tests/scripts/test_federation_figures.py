"""The figures of propagation and of failover: what is computed from what was measured."""

from __future__ import annotations

import pytest

from meshfleet.federation.propagated import propagations
from meshfleet.topology import load
from scripts.benchmark.failing_over import Loss
from scripts.benchmark.failing_over import rows as failover_rows
from scripts.benchmark.propagating import MEMBERS, OBJECTS, Propagated, with_config_maps
from scripts.benchmark.propagating import rows as propagation_rows

pytestmark = pytest.mark.proof("figures of propagation and failover", step=0)


def test_up_stands_beside_both_ways_of_a_loop_and_beside_their_second_run() -> None:
    found = Propagated([4.0, 5.0], [1.0, 2.0], [10.0, 10.0], [5.0, 8.0], [100.0, 100.0])
    assert [(row.ours, row.other, row.ratio) for row in propagation_rows(found)] == [
        ("4.5 s", "10.0 s (kubectl)", "0.45"),
        ("4.5 s", "100.0 s (kubectl)", "0.04"),
        ("1.5 s", "10.0 s (kubectl)", "0.15"),
        ("1.5 s", "6.5 s", "0.23, for each object 0.015"),
    ]


def test_what_is_propagated_goes_to_every_member() -> None:
    fleet = load("propagating", with_config_maps())
    assert [len(propagations(fleet).of(cluster)) for cluster in fleet.clusters] == [OBJECTS] * MEMBERS


def test_a_loss_is_told_with_what_was_declared_and_what_kubectl_takes() -> None:
    ready, answered = failover_rows([Loss(9.0, 8.0, 400, 4, 1.5), Loss(11.0, 10.0, 600, 6, 2.5)])
    assert (ready.ours, ready.ratio) == ("10.0 s", "+3.0 s")
    assert ready.other == "of which 5 s by declaration; `kubectl apply` of it, ready: 2.0 s"
    assert (answered.ours, answered.other, answered.ratio) == ("9.0 s", "5 of 500 failed", "0.0100")
