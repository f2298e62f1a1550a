"""The error that says: a program or a webhook between this command and a cluster gives no answer yet."""

from __future__ import annotations

from meshfleet.errors import VerificationError


class NoAnswerError(VerificationError):
    """An istioctl or a webhook does not answer; the text says which.

    It is worth waiting a moment for one that is just starting, but not for as long as for a fleet that
    settles: a check stops after `UNREACHABLE_PATIENCE` seconds.
    """
