"""The rule about who reads the cluster of a cert-manager knows the same readers as the fleet."""

from __future__ import annotations

import pytest

from meshfleet.sources import load
from meshfleet.topology import read_stack_file
from meshfleet.topology.draft import read
from meshfleet.topology.rules.cert_managers import readers
from tests.components.fleets import CONFIGURATIONS, STACK_FILES, STACKS

pytestmark = pytest.mark.proof("intermediates that cert-manager issues", step=0)

CONFIGS = CONFIGURATIONS | {name: read_stack_file(STACKS, file).config for name, file in STACK_FILES.items()}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_readers_of_every_cluster_are_those_of_the_fleet(name: str) -> None:
    fleet, draft = load("dev", CONFIGS[name]), read("dev", CONFIGS[name])
    assert {one: tuple(readers(draft, one)) for one in fleet.clusters} == {
        one: fleet.readers_of(one) for one in fleet.clusters
    }
