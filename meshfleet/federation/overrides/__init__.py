"""How an object of a propagation differs in some of its clusters."""

from meshfleet.federation.overrides.faults import faults
from meshfleet.federation.overrides.override import Overridden, overridden

__all__ = ["Overridden", "faults", "overridden"]
