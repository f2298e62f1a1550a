"""`collect`: a support bundle with everything needed to diagnose a fleet, without secrets."""

from meshfleet.automation.support_bundle.bundle import Bundle, Entry
from meshfleet.automation.support_bundle.collecting import collect

__all__ = ["Bundle", "Entry", "collect"]
