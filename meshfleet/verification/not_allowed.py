"""The error for a check that a cluster does not allow, or does not offer what it needs."""

from __future__ import annotations

import re
from typing import Final

from meshfleet.errors import VerificationError


class NotAllowedError(VerificationError):
    """What a check needs is denied by a policy or a permission, or is not there; the check is skipped with this reason.

    It is never raised for a server that does not respond: that is a failure.
    """


# How API servers put it: RBAC, admission policies, pod security.
_DENIED: Final = re.compile(
    r'(User "[^"]*"|user) cannot \w+ resource|denied the request|denied request: |violates PodSecurity', re.IGNORECASE
)


def is_denied(message: str) -> bool:
    """Whether an error with status 403 reports that a permission is missing or a policy denies the request. Pure."""
    return _DENIED.search(message) is not None
