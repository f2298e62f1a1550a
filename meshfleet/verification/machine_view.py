"""What checks are told of virtual machines, as status has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meshfleet.status.document import VirtualMachine


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


def machine_view(machines: VirtualMachine) -> MachineView:
    """What checks need of a group of the status."""
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
