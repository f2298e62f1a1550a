"""What Go's words mean for the person who started the build."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meshfleet.errors import ToolchainError

_SHOWN_LINES = 20

# Each rule: what Go prints (cmd/go/internal/modfetch, modload; net; syscall), what it means, what to do.
_MEANINGS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("SECURITY ERROR", "checksum mismatch"),
        "a module that was downloaded is not the one pinned in {directory}/go.sum, and was refused",
        (
            "remove {modules} and try again; if it comes back, the module proxy (GOPROXY) serves changed "
            "contents: use another one, and do not edit go.sum to make it fit"
        ),
    ),
    (
        (
            "missing go.sum entry",
            "updates to go.mod needed",
            "missing GOSUMDB",
            "no required module provides",
        ),
        "go.mod and go.sum in {directory} do not fit each other",
        "restore both from the repository; after a deliberate change of versions run `go mod tidy` in a copy",
    ),
    (
        ("no space left on device", "disk quota exceeded"),
        "the disk is full",
        (
            "free about 16 GB (the build caches are removed at the end), or set MESHFLEET_CACHE to "
            "a folder on a larger disk, and try again: what has been compiled is kept"
        ),
    ),
    (
        (
            "dial tcp",
            "no such host",
            "connection refused",
            "i/o timeout",
            "TLS handshake",
            "proxyconnect",
            "connection reset",
            "network is unreachable",
            "x509: ",
            "module lookup disabled by GOPROXY=off",
            "502 Bad Gateway",
            "503 Service",
        ),
        "the Go module proxy does not respond",
        (
            "check the network, or set GOPROXY to a module proxy that this machine reaches, and try again: "
            "what has been downloaded is kept"
        ),
    ),
    (
        ("signal: killed", "cannot allocate memory"),
        "a compiler was killed, most likely for lack of memory",
        "free some memory (4 GB are enough) or set GOMAXPROCS=1, and try again: what is compiled is kept",
    ),
)


def explain(tool: str, output: str, *, directory: Path, modules: Path, log: Path) -> ToolchainError:
    """The error for a failed build of `tool`.

    `output` is all that Go printed; `directory` holds the tool's go.mod, `modules` is the module cache and
    `log` the file where `output` can be read again.
    """
    meaning, advice = "go build failed", "read the lines below; the whole output is in the log"
    for words, found_meaning, found_advice in _MEANINGS:
        if any(word in output for word in words):
            meaning, advice = found_meaning, found_advice
            break
    places = {"directory": directory, "modules": modules}
    lines = output.rstrip().splitlines()[-_SHOWN_LINES:]
    return ToolchainError(
        "\n".join(
            [
                f"{tool} could not be built: {meaning.format(**places)}.",
                f"To do: {advice.format(**places)}.",
                f"Log: {log}",
                *(f"  {line}" for line in lines),
            ]
        )
    )


@contextmanager
def disk_explained(cache: Path) -> Iterator[None]:
    """Raises ToolchainError for an OSError of the block that is about the disk with `cache`, with what to do."""
    try:
        yield
    except OSError as error:
        explained = _explain_disk(error, cache)
        if explained is None:
            raise
        raise explained from error


def _explain_disk(error: OSError, cache: Path) -> ToolchainError | None:
    """The error for a disk that is full or cannot be written; None when `error` is about something else."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ToolchainError(
            f"the disk with {cache} is full; free some space or set MESHFLEET_CACHE to a folder on "
            f"another disk, and try again: what has been compiled is kept"
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return ToolchainError(
            f"{error.filename or cache} cannot be written ({error.strerror}); set MESHFLEET_CACHE to a "
            f"folder of yours, and try again"
        )
    return None
