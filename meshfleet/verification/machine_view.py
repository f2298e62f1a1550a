"""The virtual machines of a fleet as checks see them, from its status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meshfleet.status.document import VirtualMachine


@dataclass(frozen=True)
class MachineView:
    """A group of machines: its namespace, and the cluster that has its WorkloadEntries.

    `registers` if the machines register themselves; `addresses` are those of machines with static entries. `network`,
    `labels`, `account` and `locality` (region, zone and subzone) are what the stack declares.
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
        """The locality in the format of a WorkloadEntry; empty if none is declared."""
        return "/".join(part for part in self.locality if part)


def machine_view(machines: VirtualMachine) -> MachineView:
    """The view of a group in the status."""
    region, zone, subzone = (*machines.locality.split("/"), "", "", "")[:3]
    return MachineView(
        name=machines.name,
        namespace=machines.namespace,
        control_plane=machines.control_plane,
        registers=bool(machines.group),
        network=machines.network,
        account=machines.service_account,
        labels=machines.labels,
        locality=(region, zone, subzone),
        addresses=machines.addresses,
    )
