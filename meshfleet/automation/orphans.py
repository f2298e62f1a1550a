"""Fleets of a home that no stack of the local backend records: of a stack that was renamed, or whose state is gone."""

from __future__ import annotations

import os

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.reporting.output import say
from meshfleet.automation.state.local_state import made_here, state_file
from meshfleet.automation.state.recorded_state import Deployment, fleets_of
from meshfleet.automation.state.shared_backend import is_local
from meshfleet.topology import Fault, TopologyError


def orphans(checkout: Checkout, stack: str) -> list[str]:
    """The names of those fleets, but for that of `stack`."""
    found = (path.name for path in (checkout.home / "fleets").glob("*") if path.name != stack)
    return sorted(name for name in found if made_here(checkout, name) and not state_file(checkout, name).exists())


def report_orphans(checkout: Checkout, stack: str) -> None:
    """A line for each; none where the states are in another backend."""
    if not is_local(checkout, os.environ.get("PULUMI_BACKEND_URL", "")):
        return
    for name in orphans(checkout, stack):
        # One that is being made right now has a state before it has a cluster.
        say(
            f"the fleet {name} is here, and no stack of that name has a state: it was renamed, or its state is gone; "
            f"meshfleet destroy --stack {name} removes it"
        )


def refuse_renamed(stack: str, recorded: Deployment) -> None:
    """Raise TopologyError when the clusters of a stack were made under another name, which `up` would replace."""
    if others := sorted(fleets_of(recorded) - {stack}):
        raise TopologyError(
            [
                Fault(
                    "stack",
                    f"{stack} was renamed: its embedded clusters are those of the fleet {others[0]}, and would all be "
                    f"replaced by empty ones; run pulumi stack rename {others[0]} --stack {stack}, "
                    f"or meshfleet destroy --stack {stack}",
                )
            ]
        )
