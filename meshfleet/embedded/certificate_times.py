"""Certificates that were made while this machine's clock was ahead: nothing takes them until it gets there."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from meshfleet.errors import FileError
from meshfleet.files import read_bytes

_SKEW: Final = 1.0


def not_yet_valid(paths: Iterable[Path], now: float | None = None) -> datetime | None:
    """When the last of these certificates (PEM files) becomes valid, or None when all are; `now` in seconds of Unix.

    What cannot be read is whatever else it is, and not this.
    """
    present = time.time() if now is None else now
    latest: datetime | None = None
    for path in paths:
        try:
            # Such a file is from the future itself; most runs read none, and start sooner.
            if path.stat().st_mtime <= present + _SKEW:
                continue
            content = read_bytes(path)
        except (OSError, FileError):
            continue
        begins = _begins(content or b"")
        if begins is not None and begins.timestamp() > present and (latest is None or begins > latest):
            latest = begins
    return latest


def ahead(name: str, begins: datetime, now: float | None = None) -> str:
    """The sentence for a cluster whose certificates begin later."""
    present = datetime.fromtimestamp(time.time() if now is None else now, UTC)
    return (
        f"{name}: its certificates are valid from {begins:%Y-%m-%d %H:%M} UTC, and this machine's clock shows "
        f"{present:%Y-%m-%d %H:%M}: one of the two is wrong; correct the clock, or, if it was ahead when the "
        "cluster was created, run meshfleet destroy and then meshfleet up, which recreates the cluster"
    )


def _begins(content: bytes) -> datetime | None:
    from cryptography import x509

    try:
        return max(one.not_valid_before_utc for one in x509.load_pem_x509_certificates(content))
    except ValueError:
        return None
