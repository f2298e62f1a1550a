"""Names are DNS labels, short enough for what is derived from them, and not taken."""

from __future__ import annotations

from collections.abc import Iterator

from meshfleet.errors.faults import Fault
from meshfleet.topology.draft import Draft
from meshfleet.topology.names import section_name_fault


def names(draft: Draft) -> Iterator[Fault]:
    """Yield a fault for each name that cannot be used, and one when the fleet is empty."""
    if not draft.names["clusters"]:
        yield Fault("clusters", "the fleet is empty; declare at least one cluster")
    for section, found in draft.names.items():
        # What is derived from the name of a workload has rules of its own (rules/workloads.py).
        for name in found if section != "workloads" else ():
            if fault := section_name_fault(section, name):
                yield Fault(f"{section}.{name}", fault)
