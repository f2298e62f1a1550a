"""The one error that says: whoever should answer does not."""

from __future__ import annotations

from topology.errors import VerificationError


class UnreachableError(VerificationError):
    """An istiod, an API server or the webhook behind it does not answer; the text says which and where.

    It is worth waiting a moment for one that is just starting, but not for as long as for a fleet that
    settles: a check stops asking after `UNREACHABLE_PATIENCE` seconds.
    """
