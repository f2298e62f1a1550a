"""What checks are told of virtual machines, as status has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MachineView:
    """Machines of one name: the namespace they are of, and the cluster that has their WorkloadEntries.

    `registers` where they register themselves.
    """

    name: str
    namespace: str
    control_plane: str
    registers: bool = True


def machine_view(entry: Mapping[str, Any]) -> MachineView:
    """Read an entry of `virtualMachines`."""
    return MachineView(
        name=str(entry.get("name") or ""),
        namespace=str(entry.get("namespace") or ""),
        control_plane=str(entry.get("controlPlane") or ""),
        registers=bool(entry.get("group")),
    )
