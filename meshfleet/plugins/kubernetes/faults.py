"""What can go wrong between this plugin and an API server, told apart where the plugin acts on the difference.

ClusterError
├── UnreachableError   no usable answer comes from the server
├── RefusedError       it answered with an error
├── KindMissingError   it has no such kind, perhaps not yet
└── NotReadyError      an object exists but did not become ready in its time
"""

from __future__ import annotations

from meshfleet.errors import ClusterError, RefusedError, UnreachableError

__all__ = ["KindMissingError", "NotReadyError", "RefusedError", "UnreachableError"]


class KindMissingError(ClusterError):
    """The server has no such kind (yet)."""


class NotReadyError(ClusterError):
    """The object exists but did not become ready; the text says what it lacked last."""
