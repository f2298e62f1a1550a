"""A question for a name, packet for packet, as a resolver asks it from a network namespace. Source: RFC 1035."""

from __future__ import annotations

import secrets
import socket
import struct

from meshfleet.dataplane.network.namespaces import inside

_SECONDS = 3.0
_ADDRESS, _INTERNET = 1, 1


def addresses_of(namespace: str, server: str, name: str) -> list[str]:
    """The IPv4 addresses that `server` gives for a name; none when it knows none. Raises TimeoutError."""
    number = secrets.randbelow(1 << 16)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = labels + b"\0" + struct.pack("!HH", _ADDRESS, _INTERNET)

    def ask() -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(_SECONDS)
            # Recursion is desired; one question.
            asking.sendto(struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + question, (server, 53))
            return asking.recv(4096)

    answer = inside(namespace, ask)
    replied, _, _, count, _, _ = struct.unpack("!HHHHHH", answer[:12])
    assert replied == number
    place, found = 12 + len(question), []
    for _ in range(count):
        place = _after_name(answer, place)
        kind, _, _, length = struct.unpack("!HHIH", answer[place : place + 10])
        place += 10
        if kind == _ADDRESS:
            found.append(socket.inet_ntoa(answer[place : place + length]))
        place += length
    return found


def _after_name(answer: bytes, place: int) -> int:
    while (length := answer[place]) != 0:
        # A name that was there before is pointed to.
        if length >= 0xC0:
            return place + 2
        place += 1 + length
    return place + 1
