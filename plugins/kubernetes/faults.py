"""What can go wrong between this plugin and an API server, told apart where the plugin acts on the difference.

ClusterError
├── UnreachableError   the server does not answer
├── RefusedError       it answered with an error
├── KindMissingError   it has no such kind, perhaps not yet
└── NotReadyError      an object exists but did not become ready in its time
"""

from __future__ import annotations

from topology.errors import ClusterError


class UnreachableError(ClusterError):
    """The API server does not answer at all."""


class RefusedError(ClusterError):
    """The API server answered with an error; `code` is the HTTP status, `reason` Kubernetes' own word for it."""

    def __init__(self, message: str, code: int, reason: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class KindMissingError(ClusterError):
    """The server has no such kind (yet)."""


class NotReadyError(ClusterError):
    """The object exists but did not become ready; the text says what it lacked last."""
