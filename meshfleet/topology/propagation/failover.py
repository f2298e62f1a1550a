"""What becomes of a propagation's objects when a cluster stays unreachable: they move, or they do not.

Source: https://karmada.io/docs/userguide/failover/cluster-failover/
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator

from meshfleet.redaction.shown import shown
from meshfleet.topology.json_schema import text
from meshfleet.topology.model import Model
from meshfleet.topology.virtual_machine import LIFETIME, lifetime_seconds

NEVER: Final = "Never"
LONGEST: Final = 30 * 24 * 3600
DEFAULT_AFTER: Final = "5m"


def _seconds(value: str, least: int) -> str:
    seconds = lifetime_seconds(value)
    if seconds is None:
        raise ValueError(f"{shown(value)} is not a length of time; write it as 90s, 5m or 1h")
    if not least <= seconds <= LONGEST:
        raise ValueError(f"{shown(value)} is {seconds} s; give {least}s at least and {LONGEST // 3600}h at most")
    return value


def _checked_after(value: str) -> str:
    return _seconds(value, 1)


def _checked_recover(value: str) -> str:
    return value if value == NEVER else _seconds(value, 0)


class ClusterFailover(Model):
    """When the share of an unreachable cluster moves to others, and when it comes back.

    Source: https://karmada.io/docs/userguide/failover/cluster-failover/
    """

    after: Annotated[str, AfterValidator(_checked_after), text(LIFETIME)] = DEFAULT_AFTER
    """How long no response of the cluster was seen before its share moves, such as `90s` or `5m`."""
    evict: bool = True
    """Whether what the cluster holds is removed when it responds again; else it stays beside the new copy."""
    recover: Annotated[str, AfterValidator(_checked_recover), text(rf"{NEVER}|{LIFETIME.pattern}")] | None = None
    """How long it has to answer before its share comes back: `after` when left out, `Never` by hand."""

    @property
    def after_seconds(self) -> int:
        """`after` in seconds."""
        return lifetime_seconds(self.after) or 0

    @property
    def recover_seconds(self) -> int | None:
        """`recover` in seconds; None where the share does not come back by itself."""
        if self.recover == NEVER:
            return None
        return self.after_seconds if self.recover is None else lifetime_seconds(self.recover)
