"""What a Kubernetes API server refuses, or that it does not answer, as this project's own errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from topology.errors import ClusterError

if TYPE_CHECKING:
    from httpx2 import HTTPError


class UnreachableError(ClusterError):
    """No API server answers where the kubeconfig says."""


class RefusedError(ClusterError):
    """The API server answers, but not as asked; `code` is the HTTP status."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code

    @property
    def not_found(self) -> bool:
        """Whether the thing asked for is not there."""
        return self.code == 404


@contextmanager
def api_errors(subject: str) -> Iterator[None]:
    """Turn the client's errors in the block into RefusedError or UnreachableError about `subject`."""
    from httpx2 import HTTPError, HTTPStatusError
    from lightkube import ApiError

    try:
        yield
    except ApiError as error:
        raise RefusedError(f"{subject}: {error.status.message}", error.status.code or 0) from error
    except HTTPStatusError as error:
        # Of a group that it does not know an API server says so in plain text.
        told = " ".join(error.response.text.split())[:200]
        raise RefusedError(f"{subject}: {told or error}", error.response.status_code) from error
    except HTTPError as error:
        raise UnreachableError(
            f"{subject}: {_server(error)} does not answer ({error}); "
            "see that the cluster runs, and run the same command again"
        ) from error


def _server(error: HTTPError) -> str:
    try:
        return str(error.request.url.copy_with(path="/", query=None))
    except RuntimeError:
        # It failed before there was a request.
        return "its API server"
