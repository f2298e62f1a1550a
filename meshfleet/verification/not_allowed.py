"""The error for a check that a cluster does not allow, or does not offer what it needs."""

from __future__ import annotations

from meshfleet.errors import VerificationError


class NotAllowedError(VerificationError):
    """What a check needs is denied by a policy or a permission, or is not there; the check is skipped with this reason.

    It is never raised for a server that does not respond: that is a failure.
    """
