"""What `validate` and `preview` print of networks that no gateway leads into. Pure."""

from __future__ import annotations

from meshfleet.topology import Fleet


def closed_networks(fleet: Fleet) -> dict[str, tuple[str, ...]]:
    """The networks of a fleet that no gateway leads into, with their machines."""
    return {name: found for mesh in fleet.meshes for name, found in fleet.closed_networks_of(mesh).items()}


def lines_of(fleet: Fleet) -> list[str]:
    """A line for each of them: what its machines can do, what cannot be, and what changes that."""
    return [
        f"{network} has no gateway: {', '.join(machines)} can call other networks, and nothing there can call "
        f"{'it' if len(machines) == 1 else 'them'}; networks.{network}.gateways opens it"
        for network, machines in closed_networks(fleet).items()
    ]
