"""Why etcd did not start, from its log: one line for a person, and whether its data is what it cannot read. Pure.

etcd writes JSON, a line for each message (https://etcd.io/docs/v3.6/op-guide/configuration/#logging), and a panic of Go
as plain lines. After a power cut it repairs a log whose last record is torn by itself; what has lost more than was
never synced, it refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from meshfleet.files.json_text import parse_json

_GRAVE: Final = frozenset({"panic", "fatal"})
# Other causes of an early end, for which its data is as it was.
_OTHERS: Final = (
    "address already in use",
    "permission denied",
    "no space left",
    "too many open files",
    "cannot allocate memory",
    "input/output error",
    "file exists",
)
_LONGEST: Final = 200
_PUBLISHED: Final = "published local member to cluster through raft"
_UNPUBLISHED: Final = "failed to publish local member to cluster through raft"


def reason_in(log: str) -> str:
    """The last grave message, in one line; empty when there is none."""
    found = list(_grave(log))
    return " ".join(found[-1].split())[:_LONGEST] if found else ""


def refuses_data(log: str) -> bool:
    """Whether etcd ended because of the files that it found.

    A panic often repeats a message without its error: another cause in any grave message is the cause.
    """
    found = " ".join(_grave(log)).lower()
    return bool(found) and not any(words in found for words in _OTHERS)


def waits_for_data(log: str) -> bool:
    """Whether etcd runs and cannot serve: it waits for entries of its log that are in its database already.

    The one member of a cluster publishes itself at once; that this times out says that its log was cut.
    """
    last = max((log.rfind(f'"msg":"{words}'), words) for words in (_PUBLISHED, _UNPUBLISHED))
    return last[0] >= 0 and last[1] == _UNPUBLISHED


def _grave(log: str) -> Iterator[str]:
    for line in log.splitlines():
        if line.startswith(("panic: ", "fatal error: ")):
            yield line
            continue
        try:
            message = parse_json(line)
        except ValueError:
            continue
        if isinstance(message, dict) and str(message.get("level")) in _GRAVE:
            parts = (message.get("msg"), message.get("error"))
            yield ": ".join(str(part) for part in parts if part)
