"""The error for a program or a webhook between this command and a cluster that does not respond yet."""

from __future__ import annotations

from meshfleet.errors import VerificationError


class NoResponseError(VerificationError):
    """istioctl or a webhook does not respond; the message names it.

    It may be starting, so a check retries, but only for `UNREACHABLE_TIMEOUT` seconds instead of its whole timeout.
    """
