"""Checks that require real proxies: skipped, with the reason, where pods are simulated instead of run as processes."""

from __future__ import annotations

from collections.abc import Mapping

from meshfleet.verification.check import Check
from meshfleet.verification.simulated_pods import skipped_for_simulated_pods
from meshfleet.verification.view import FleetView


class ProxyCheck(Check):
    """A check that requires running pods."""

    def skipped(self, fleet: FleetView) -> Mapping[str, str]:
        """The clusters whose pods are declared as processes and are simulated."""
        return skipped_for_simulated_pods(fleet, self.targets)
