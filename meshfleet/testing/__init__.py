"""A test harness for fleets: bring a stack file up in a sandbox, look at it from all sides, and remove it.

It needs pytest (`pip install meshfleet[testing]`). `meshfleet.testing.fixtures` is a plugin for pytest with fixtures;
all names below can be used without it. See docs/testing.md.
"""

from meshfleet.processes.waiting import NotYetError, wait_until
from meshfleet.testing.commands import CommandResult, RunningCommand
from meshfleet.testing.conditions import settled
from meshfleet.testing.fleet import FleetUnderTest, bring_up
from meshfleet.testing.istiods import Istiod
from meshfleet.testing.requests import Sender, answered, in_clear_text
from meshfleet.testing.sandbox import Sandbox, kill, new_sandbox, running_project
from meshfleet.testing.stack_files import small_fleet, write_stack

__all__ = [
    "CommandResult",
    "FleetUnderTest",
    "Istiod",
    "NotYetError",
    "RunningCommand",
    "Sandbox",
    "Sender",
    "answered",
    "bring_up",
    "in_clear_text",
    "kill",
    "new_sandbox",
    "running_project",
    "settled",
    "small_fleet",
    "wait_until",
    "write_stack",
]
