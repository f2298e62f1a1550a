"""Whose a release is: a mark among its values, which Helm records before it touches any object.

Neither labels nor the description will do: the official Kubernetes plugin sets no labels, and Helm writes the
description only at the end.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from meshfleet.kube.releases.record import Record

MARK: Final = "meshfleet"
"""The key below `global` in the values of a release."""

# Of releases made before there was a mark, by this project's stand-in.
_LABEL: Final = "meshfleet.dev/resource"


@dataclass(frozen=True)
class Owner:
    """A cluster of a fleet."""

    fleet: str
    cluster: str

    def as_value(self) -> dict[str, str]:
        """What stands in the values."""
        return {"fleet": self.fleet, "cluster": self.cluster}

    def owns(self, record: Record, urns: frozenset[str] = frozenset()) -> bool:
        """Whether a release was made for this cluster of this fleet; `urns` are of resources known to be ours."""
        everywhere = record.values.get("global")
        mark = everywhere.get(MARK) if isinstance(everywhere, dict) else None
        if isinstance(mark, dict):
            return mark.get("fleet") == self.fleet and mark.get("cluster") == self.cluster
        return record.labels.get(_LABEL) in {_label_of(urn) for urn in urns}


def _label_of(urn: str) -> str:
    return hashlib.sha256(urn.encode()).hexdigest()[:32]
