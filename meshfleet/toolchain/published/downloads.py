"""Downloads one file by its digest: resumed where it was cut, whole and checked, or not there.

A file on its way is `<sha256>.part`, which only the holder of the builders' lock writes; the next run goes on with it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from meshfleet.errors import FileError, ToolchainError
from meshfleet.files import append_only, make_directory, remove_file
from meshfleet.toolchain.published.requests import AgainError, Requests, Response, shown_url

LARGEST: Final = 1024 * 1024 * 1024
"""Bytes of a file of which no size is recorded. The largest, an archive of Istio's, has a tenth."""

_RANGE: Final = re.compile(r"bytes (\d+)-\d*/(\d+|\*)")


@dataclass(frozen=True)
class Wanted:
    """A file to download: where, how a message names it, its SHA-256, and its bytes where they are known."""

    url: str
    name: str
    sha256: str
    size: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Downloads:
    """Downloads into a folder, each file once, however many want it."""

    def __init__(self, requests: Requests, folder: Path) -> None:
        self._requests = requests
        self._folder = folder
        self._lock = Lock()
        self._locks: dict[str, Lock] = {}

    def fetch(self, wanted: Wanted, report: Callable[[int], None] = lambda _: None) -> Path:
        """The file, with exactly the wanted contents; `report` hears how many bytes of it are there.

        Raises ToolchainError when its contents are others than wanted, UnpublishedError when it cannot be had, OSError.
        """
        with self._lock:
            lock = self._locks.setdefault(wanted.sha256, Lock())
        with lock:
            try:
                return self._fetch(wanted, report)
            except FileError as error:
                raise ToolchainError(str(error)) from error

    def _fetch(self, wanted: Wanted, report: Callable[[int], None]) -> Path:
        make_directory(self._folder)
        whole = self._folder / wanted.sha256
        if whole.is_file() and sha256_of(whole) == wanted.sha256:
            report(whole.stat().st_size)
            return whole
        part = whole.with_name(f"{wanted.sha256}.part")
        left_before = _size(part) > 0
        self._requests.tried(lambda: self._attempt(wanted, part, report))
        if left_before and sha256_of(part) != wanted.sha256:
            # What another run has left may be damaged, by a power cut for one.
            remove_file(part)
            self._requests.tried(lambda: self._attempt(wanted, part, report))
        found = sha256_of(part)
        if found != wanted.sha256:
            remove_file(part)
            raise refused(wanted, f"has the SHA-256 {found}, not {wanted.sha256}")
        part.replace(whole)
        return whole

    def _attempt(self, wanted: Wanted, part: Path, report: Callable[[int], None]) -> None:
        """Add to the part until it is whole by its size. Raises AgainError when it is cut."""
        have = _size(part)
        if wanted.size is not None and have > wanted.size:
            remove_file(part)
            have = 0
        if have and have == wanted.size:
            return
        headers = {**wanted.headers, **({"Range": f"bytes={have}-"} if have else {})}
        with self._requests.open(wanted.url, headers) as response:
            if response.status == 416:
                remove_file(part)
                raise AgainError(f"{shown_url(wanted.url)}: has no byte {have}", 0)
            response.require_success()
            if have and not _continues(response, have):
                remove_file(part)
                have = 0
            self._write(wanted, response, part, have, report)

    def _write(self, wanted: Wanted, response: Response, part: Path, have: int, report: Callable[[int], None]) -> None:
        limit = LARGEST if wanted.size is None else wanted.size
        declared = None if response.length is None else have + response.length
        if declared is not None and (declared > limit or declared != (wanted.size or declared)):
            remove_file(part)
            raise refused(wanted, f"has {declared} bytes, not {wanted.size or f'{limit} at most'}")
        descriptor = append_only(part)
        try:
            for piece in response.parts():
                if have + len(piece) > limit:
                    remove_file(part)
                    raise refused(wanted, f"has more than {limit} bytes")
                write_all(descriptor, piece)
                have += len(piece)
                report(have)
        finally:
            os.close(descriptor)
        if have < (wanted.size or declared or 0):
            raise AgainError(f"{shown_url(wanted.url)}: cut after {have} bytes")


def refused(wanted: Wanted, what: str) -> ToolchainError:
    """The error for contents that are not those that were recorded or published."""
    return ToolchainError(
        f"{wanted.name} from {shown_url(wanted.url)} {what}, and was refused; if that repeats, what serves it changes "
        f"contents: use another mirror (docs/toolchain.md), or MESHFLEET_PUBLISHERS=off to build instead"
    )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's contents."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it. Raises OSError, as when the disk is full."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def _continues(response: Response, have: int) -> bool:
    """Whether the body begins at the byte that was requested; servers may send all of it."""
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    return response.status == 206 and found is not None and int(found[1]) == have
