"""Whatever a stack file declares, what the program writes of it is a part of the status."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings

from meshfleet.components.description import _settings, describe_cluster
from meshfleet.manifests import virtual_machines
from meshfleet.status.clusters import Cluster
from meshfleet.status.document import MeshSettings, VirtualMachine
from meshfleet.status.model import PENDING
from meshfleet.topology import Fleet
from tests.status.test_documents import Later
from tests.topology.strategies import loaded_fleets

pytestmark = pytest.mark.proof("the status is one typed, versioned document", step=0)


def registered(fleet: Fleet, name: str) -> Any:
    """A registered cluster of which nothing is found out yet."""
    access = SimpleNamespace(context="", server=Later(), identity=Later(), pods=fleet.clusters[name].capabilities.pods)
    processes = {revision: SimpleNamespace(debug_url=Later()) for revision in fleet.istio.installed}
    trust = SimpleNamespace(intermediate=SimpleNamespace(not_after=Later()))
    reached = SimpleNamespace(address=Later(), port=lambda port: Later())
    gateway = SimpleNamespace(address=Later(), port=Later(), reached=reached)
    return SimpleNamespace(
        access={name: access},
        control_planes={name: SimpleNamespace(processes=processes)},
        trust={name: trust} if fleet.is_primary(name) else {},
        gateways={name: gateway} if fleet.has_east_west_gateway(name) else {},
        ingress_gateways={name: SimpleNamespace(reached=defaultdict(lambda: reached))},
    )


@settings(max_examples=40, deadline=None)
@given(loaded_fleets())
def test_what_is_written_of_any_fleet_is_a_part_of_the_status(fleet: Fleet) -> None:
    for name in fleet.clusters:
        written = describe_cluster(fleet, name, registered(fleet, name))
        read = Cluster.model_validate(written, context={PENDING: Later})
        # Nothing is left out, and nothing becomes another value on the way.
        assert read.document() == written
    for mesh in fleet.meshes:
        assert MeshSettings.model_validate(_settings(fleet, mesh)).document() == _settings(fleet, mesh)
    for machines in virtual_machines.described(fleet):
        assert VirtualMachine.model_validate(machines).document() == machines
