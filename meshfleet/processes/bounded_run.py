"""A program that is run to its end: bounded in time and in what it may print, and ended with all that it started."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from meshfleet.errors import ProcessError
from meshfleet.processes.child_environment import system_environment

LIMIT: Final = 64 * 1024 * 1024
"""Bytes a program may print on each of its outputs; the state of a large fleet is a tenth of it."""
_PIECE: Final = 65536


class OverdueError(ProcessError):
    """A program did not end in its time."""


@dataclass(frozen=True)
class Ended:
    """How a program ended and what it printed."""

    code: int
    out: str
    err: str


def run_bounded(
    command: Sequence[str],
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    stdin: str = "",
    limit: int = LIMIT,
) -> Ended:
    """Run `command` for `seconds` at most, with `stdin` as its input and the environment of a system tool unless given.

    Raises ProcessError, which names the program, when it cannot be started or prints more than `limit` bytes, and
    OverdueError when it does not end; it and its children are ended then.
    """
    name = Path(command[0]).name
    try:
        process = subprocess.Popen(
            list(command),
            cwd=directory,
            env=system_environment() if environment is None else dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A group of its own, so that its children end with it.
            start_new_session=True,
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ProcessError(f"{name} cannot be started: {reason}; check {command[0]}") from error
    with process:
        try:
            out, err = _exchange(process, name, stdin.encode(), seconds, limit)
        except BaseException:
            _end(process)
            raise
    return Ended(process.returncode, out, err)


def _exchange(process: subprocess.Popen[bytes], name: str, stdin: bytes, seconds: float, limit: int) -> tuple[str, str]:
    deadline = time.monotonic() + seconds
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    found: dict[IO[bytes], bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in found:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ)
        if stdin:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
        else:
            process.stdin.close()
        while selector.get_map():
            ready = selector.select(_left(deadline, name, seconds))
            for key, _ in ready:
                if key.fileobj is process.stdin:
                    stdin = _feed(process.stdin, stdin)
                    ended = not stdin
                else:
                    stream = process.stdout if key.fileobj is process.stdout else process.stderr
                    ended = _drain(stream, found[stream])
                    if len(found[stream]) > limit:
                        raise ProcessError(f"{name} printed more than {limit} bytes and was terminated; check it")
                if ended:
                    selector.unregister(key.fileobj)
                    (process.stdin if key.fileobj is process.stdin else stream).close()
    try:
        process.wait(_left(deadline, name, seconds))
    except subprocess.TimeoutExpired:
        _left(0, name, seconds)
    out, err = (content.decode("utf-8", errors="replace") for content in found.values())
    return out, err


def _left(deadline: float, name: str, seconds: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise OverdueError(
            f"{name} did not exit within {seconds:g} s and was terminated; "
            "check what it waits for, and run the command again"
        )
    return left


def _drain(stream: IO[bytes], content: bytearray) -> bool:
    """Take what is there; whether that was the end."""
    piece = os.read(stream.fileno(), _PIECE)
    content += piece
    return not piece


def _feed(stream: IO[bytes], content: bytes) -> bytes:
    """Give what fits; what is left. A program that does not read gets no more."""
    try:
        return content[os.write(stream.fileno(), content[:_PIECE]) :]
    except BrokenPipeError:
        return b""


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
