"""Fleets without a stack in the local backend: the stack was renamed, or its state is missing."""

from __future__ import annotations

import os

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.reporting.output import print_line
from meshfleet.automation.state.local_state import made_here, state_file
from meshfleet.automation.state.recorded_state import Deployment, fleets_of
from meshfleet.automation.state.shared_backend import is_local
from meshfleet.topology import Fault, TopologyError


def orphans(checkout: Checkout, stack: str) -> list[str]:
    """The names of these fleets, except that of `stack`."""
    found = (path.name for path in (checkout.home / "fleets").glob("*") if path.name != stack)
    return sorted(name for name in found if made_here(checkout, name) and not state_file(checkout, name).exists())


def report_orphans(checkout: Checkout, stack: str) -> None:
    """Print a line for each; none with a remote backend."""
    if not is_local(checkout, os.environ.get("PULUMI_BACKEND_URL", "")):
        return
    for name in orphans(checkout, stack):
        # A fleet that is being deployed has a state before it has a cluster.
        print_line(
            f"the fleet {name} exists on this machine without a state: its stack was renamed, or its state is missing; "
            f"meshfleet destroy --stack {name} removes it"
        )


def refuse_renamed(stack: str, recorded: Deployment) -> None:
    """Raise TopologyError if the clusters of a stack were created under another name, since `up` would replace them."""
    if others := sorted(fleets_of(recorded) - {stack}):
        raise TopologyError(
            [
                Fault(
                    "stack",
                    f"{stack} was renamed: its embedded clusters belong to the fleet {others[0]} and would be "
                    f"replaced by empty ones; run pulumi stack rename {others[0]} --stack {stack}, "
                    f"or meshfleet destroy --stack {stack}",
                )
            ]
        )
