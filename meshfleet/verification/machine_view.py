"""What checks are told of virtual machines, as status has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class MachineView:
    """Machines of one name: the namespace they are of, and the cluster that has their WorkloadEntries.

    `registers` where they register themselves; `addresses` are those of machines that do not. `network`, `labels`,
    `account` and `locality` (region, zone and subzone) are what the stack declares of each of them.
    """

    name: str
    namespace: str
    control_plane: str
    registers: bool = True
    network: str = ""
    account: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    locality: tuple[str, str, str] = ("", "", "")
    addresses: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Its locality as a WorkloadEntry has it; empty where none is declared."""
        return "/".join(part for part in self.locality if part)


def machine_view(entry: Mapping[str, Any]) -> MachineView:
    """Read an entry of `virtualMachines`."""
    region, zone, subzone = (*str(entry.get("locality") or "").split("/"), "", "", "")[:3]
    return MachineView(
        name=str(entry.get("name") or ""),
        namespace=str(entry.get("namespace") or ""),
        control_plane=str(entry.get("controlPlane") or ""),
        registers=bool(entry.get("group")),
        network=str(entry.get("network") or ""),
        account=str(entry.get("serviceAccount") or ""),
        labels={str(key): str(value) for key, value in (entry.get("labels") or {}).items()},
        locality=(region, zone, subzone),
        addresses=tuple(str(address) for address in entry.get("addresses") or ()),
    )
