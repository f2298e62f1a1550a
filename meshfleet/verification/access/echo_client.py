"""The client in the image of Istio's echo server: its command line, and what it prints as replies. Pure.

It sends all requests of one call at once, some at a time. If one of them gets no response it prints only how many did
not, and the first error, so that a call is kept small. Source: pkg/test/echo/cmd/client of istio/istio
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

from meshfleet.errors import VerificationError
from meshfleet.kube.exec_stream import Executed
from meshfleet.redaction.shown import one_line
from meshfleet.verification.traffic import QUERY, Reply, Target, reply

_SHOWN: Final = 300
_HEAD: Final = re.compile(r"^\[(\d{1,6})\] StatusCode=(\d{3})\s*$")
_BODY: Final = re.compile(r"^\[(\d{1,6}) body\] ?(.*)$")
_FAILED: Final = re.compile(r"(\d{1,6})/\d+ requests had errors; first error: (.*)")


def command(target: Target, count: int, seconds: float) -> list[str]:
    """The command that sends `count` requests, each within `seconds`."""
    address = f"[{target.address}]" if ":" in target.address else target.address
    headers = {"Host": target.host, **target.headers}
    return [
        "client",
        f"http://{address}:{target.port}{target.path}?{QUERY}",
        f"--count={count}",
        f"--timeout={seconds:g}s",
        *(f"--header={name}:{value}" for name, value in headers.items()),
    ]


def replies(done: Executed, count: int) -> list[Reply]:
    """The replies that the client printed. Raises VerificationError if it sent no requests."""
    codes: dict[int, int] = {}
    bodies: dict[int, list[str]] = defaultdict(list)
    for line in done.out.splitlines():
        if head := _HEAD.match(line):
            codes[int(head[1])] = int(head[2])
        elif body := _BODY.match(line):
            bodies[int(body[1])].append(body[2])
    found = [reply(code, "\n".join(bodies[number])) for number, code in sorted(codes.items())][:count]
    if failed := _FAILED.search(f"{done.out}\n{done.err}"):
        return [*found, *[Reply(0, fault=one_line(failed[2])[:_SHOWN])] * min(int(failed[1]), count)]
    if done.code:
        printed = [line for line in (*done.out.splitlines(), *done.err.splitlines()) if line.strip()]
        last = one_line(printed[-1])[:_SHOWN] if printed else "it printed nothing"
        raise VerificationError(f"the echo client exited with status {done.code}: {last}")
    return [*found, *[Reply(0, fault="the echo client printed no response")] * (count - len(found))]
