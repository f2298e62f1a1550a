"""`collect`: what somebody needs who is to find out what ails a fleet, in one file and without a secret."""

from meshfleet.automation.support_bundle.bundle import Bundle, Entry
from meshfleet.automation.support_bundle.collecting import collect

__all__ = ["Bundle", "Entry", "collect"]
