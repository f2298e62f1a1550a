"""What a node has left out, so that the rest goes on: an object and why. Reported in an event, and by the Node itself.

The event is on the object, for its author; the condition `ObjectsAccepted` of the Node lasts as long as the cause, for
`verify`. Sources: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ and
https://kubernetes.io/docs/reference/node/node-status/#condition
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from meshfleet.redaction.shown import one_line

CONDITION: Final = "ObjectsAccepted"
COMPONENT: Final = "meshfleet-node"
_REASON: Final = "LeftOut"
# Of a message of an event (pkg/apis/core/validation/events.go of kubernetes/kubernetes), and of what people read.
_LONGEST: Final = 1000
_NAMED: Final = 8
_API_VERSIONS: Final = {"EndpointSlice": "discovery.k8s.io/v1"}


@dataclass(frozen=True, order=True)
class LeftOut:
    """An object, or a part of one, that a node does without."""

    kind: str
    namespace: str
    name: str
    uid: str
    reason: str

    @classmethod
    def of(cls, kind: str, found: Any, reason: str) -> LeftOut:
        """For an object of the API server, of which every part may be missing."""
        metadata = getattr(found, "metadata", None)
        place, name, uid = (str(getattr(metadata, key, None) or "") for key in ("namespace", "name", "uid"))
        return cls(kind, place, name, uid, one_line(reason)[:_LONGEST])

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}: {self.reason}"


def condition(left_out: Collection[LeftOut]) -> dict[str, str]:
    """The condition of a Node that has left these out. Pure."""
    named = sorted({str(one) for one in left_out})
    more = f"; and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return {
        "type": CONDITION,
        "status": "False" if named else "True",
        "reason": _REASON if named else "AllAccepted",
        "message": f"{'; '.join(named[:_NAMED])}{more}"[:_LONGEST] or "the node does all that its cluster has for it",
    }


def event(left_out: LeftOut, node: str, moment: datetime) -> dict[str, Any] | None:
    """The Event on an object that is left out; None for one that cannot be referred to. Pure."""
    if not (left_out.name and left_out.namespace):
        return None
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    # The same again is the same event.
    digest = hashlib.sha256(f"{node} {left_out.uid} {left_out}".encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{left_out.name[:200]}.{digest}", "namespace": left_out.namespace},
        "involvedObject": {
            "apiVersion": _API_VERSIONS.get(left_out.kind, "v1"),
            "kind": left_out.kind,
            "namespace": left_out.namespace,
            "name": left_out.name,
            "uid": left_out.uid,
        },
        "reason": _REASON,
        "message": left_out.reason[:_LONGEST],
        "type": "Warning",
        "source": {"component": COMPONENT, "host": node},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }


def added(before: Iterable[LeftOut], now: Iterable[LeftOut]) -> list[LeftOut]:
    """Those that were not left out before, in order."""
    return sorted(set(now) - set(before))
