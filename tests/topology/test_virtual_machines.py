"""Virtual machines of a fleet: whose control plane they join, and how long their tokens live."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.topology import Fleet, load

pytestmark = pytest.mark.proof("virtual machines: what they need in each cluster", step=0)


def fleet_with(clusters: dict[str, dict[str, Any]], **machines: dict[str, Any]) -> Fleet:
    """Embedded clusters, each on a network of its own, and machines of the namespace `orders`."""
    placed = {name: {"embedded": {}, "network": f"n-{name}"} | cluster for name, cluster in clusters.items()}
    return load(
        "m",
        {
            "host": next(iter(clusters)),
            "networks": {cluster["network"]: {} for cluster in placed.values()},
            "clusters": placed,
            "namespaces": {"orders": {}},
            "virtualMachines": {name: {"namespace": "orders"} | fields for name, fields in machines.items()},
        },
    )


def test_machines_of_a_remote_cluster_join_its_primary_and_are_on_its_own_network() -> None:
    fleet = fleet_with({"west": {}, "branch": {"controlPlane": {"remote": "west"}}}, billing={"cluster": "branch"})
    assert fleet.virtual_machines_of("west") == ("billing",)
    assert fleet.virtual_machines_of("branch") == ()
    assert fleet.machine_network("billing") == "n-branch"


def test_a_control_plane_alone_is_exposed_for_machines_and_for_nobody_else() -> None:
    assert fleet_with({"only": {}}, billing={"cluster": "only"}).exposes_control_plane("only")
    assert not fleet_with({"only": {}}).exposes_control_plane("only")
    two = fleet_with({"west": {}, "east": {}}, billing={"cluster": "west", "network": "n-east"})
    assert [two.exposes_control_plane(name) for name in two.clusters] == [True, False]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("10m", 600), ("600s", 600), ("1h", 3600), ("90m", 5400), ("1h30m15s", 5415), ("8760h", 31536000)],
)
def test_a_length_of_time_is_read_as_it_is_written(written: str, seconds: int) -> None:
    fleet = fleet_with({"only": {}}, billing={"cluster": "only", "tokenLifetime": written})
    assert fleet.virtual_machines["billing"].token_seconds == seconds


def test_a_token_lives_for_an_hour_unless_the_stack_says_otherwise() -> None:
    assert fleet_with({"only": {}}, billing={"cluster": "only"}).virtual_machines["billing"].token_seconds == 3600
