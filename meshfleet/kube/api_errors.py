"""What a Kubernetes API server refuses, or that it does not respond, as this project's own errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from meshfleet.errors import ClusterError, RefusedError, UnreachableError
from meshfleet.errors.causes import advice
from meshfleet.errors.containment import MALFORMED

__all__ = ["RefusedError", "UnreachableError", "api_errors", "expected_form"]


@contextmanager
def api_errors(subject: str) -> Iterator[None]:
    """Turn the client's errors in the block into RefusedError, UnreachableError or ClusterError about `subject`."""
    from httpx2 import HTTPStatusError
    from lightkube import ApiError
    from msgspec import MsgspecError

    try:
        yield
    except UnreachableError as error:
        raise error.about(subject) from error
    except ApiError as error:
        raise refused(subject, error.status.message, error.status.code, error.status.reason) from error
    except HTTPStatusError as error:
        raise refused(subject, str(error), error.response.status_code, None) from error
    except MsgspecError as error:
        raise ClusterError(f"{subject}: {UNEXPECTED}") from error


@contextmanager
def expected_form(subject: str) -> Iterator[None]:
    """For code that reads the fields of plain JSON from an API server: ClusterError about `subject` for another form.

    Raises ClusterError where a field is missing, or is of another type than Kubernetes documents.
    """
    try:
        yield
    except MALFORMED as error:
        raise ClusterError(f"{subject}: {UNEXPECTED}") from error


UNEXPECTED = (
    "the API server returns an object with another structure than Kubernetes defines; "
    "check that an API server, and no other server, listens at this address"
)


def refused(subject: str, message: str | None, code: int | None, reason: str | None) -> RefusedError:
    """The error for an answer with an error status, with advice where the credentials are the cause."""
    error = RefusedError("", code or 0, reason or "")
    hint = f"; {advice(error.cause)}" if error.cause else ""
    return RefusedError(f"{subject}: {message or f'HTTP {code}'}{hint}", error.code, error.reason)
