"""What `status` prints of virtual machines."""

from __future__ import annotations

from typing import Any

import pytest

from meshfleet.cli.tables import machine_lines
from meshfleet.status import read_status

pytestmark = pytest.mark.proof("networks of machines without a cluster", step=0)

CLUSTER: dict[str, Any] = {
    "name": "west",
    "mesh": "m",
    "network": "coast",
    "controlPlane": {"kind": "own", "of": "west", "revision": "default"},
}


def group(name: str, network: str, host: str | None = None) -> dict[str, Any]:
    return {"name": name, "namespace": "orders", "cluster": "west", "controlPlane": "west", "network": network} | {
        "host": host
    }


def test_machines_are_listed_with_what_leads_to_them() -> None:
    status = read_status(
        {
            "stack": "s",
            "clusters": [CLUSTER],
            "meshes": [
                {"name": "m", "networkGateways": [{"network": "centre", "address": "203.0.113.80", "port": 15443}]}
            ],
            "virtualMachines": [group("a", "coast", "a.example"), group("b", "centre"), group("c", "branch")],
        }
    )
    assert list(machine_lines(status)) == [
        "virtual machines a of west: namespace orders, network coast, host a.example",
        "virtual machines b of west: namespace orders, network centre",
        "virtual machines c of west: namespace orders, network branch (no gateway leads into it)",
    ]
