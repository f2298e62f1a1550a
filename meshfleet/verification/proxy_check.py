"""Checks that take real proxies: where pods were to run and do not, they are not asked, and it is said why."""

from __future__ import annotations

from collections.abc import Mapping

from meshfleet.verification.check import Check
from meshfleet.verification.simulated import without_processes
from meshfleet.verification.view import FleetView


class ProxyCheck(Check):
    """A check of what only runs where the pods of a cluster do."""

    def prevented(self, fleet: FleetView) -> Mapping[str, str]:
        """Those whose pods were to be processes and are simulated."""
        return without_processes(fleet, self.concerns)
