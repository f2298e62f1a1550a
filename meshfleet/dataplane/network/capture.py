"""What goes over the bridge between the networks, packet by packet: who speaks to which port, and whether it is TLS.

Nothing of the content is kept. Source: RFC 791, RFC 9293, RFC 8446 section 5.1
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from meshfleet.dataplane.network.namespaces import inside
from meshfleet.dataplane.network.place import OUTSIDE, Place, link_name

_ALL_PROTOCOLS: Final = 0x0003
_IPV4: Final = 0x0800
_TCP: Final = 6
# change_cipher_spec, alert, handshake and application_data of a protocol 3.x.
_KINDS: Final = range(20, 24)
_MAJOR: Final = 3
_LONGEST_RECORD: Final = (1 << 14) + 2048
_LONGEST: Final = 1 << 16
_SECONDS: Final = 0.2
_WAITING: Final = 16 << 20
"""Bytes of frames that may wait while this process has no time for them; the kernel drops what comes then."""


@dataclass(frozen=True)
class Packet:
    """A TCP packet: its ends, whether it opens a connection, and its content."""

    source: tuple[str, int]
    target: tuple[str, int]
    opens: bool
    content: bytes


@dataclass
class Capture:
    """All that was seen: how many packets, and of `others`, which were not TCP, how many of each kind."""

    packets: int = 0
    others: dict[str, int] = field(default_factory=dict)
    # Client and server → whether what they said was ever the beginning of a record of TLS; None before they spoke.
    _connections: dict[tuple[tuple[str, int], tuple[str, int]], bool | None] = field(default_factory=dict)

    def add(self, frame: bytes) -> None:
        """Take one Ethernet frame."""
        self.packets += 1
        packet = tcp_packet(frame)
        if packet is None:
            kind = protocol(frame)
            if kind:
                self.others[kind] = self.others.get(kind, 0) + 1
            return
        ends = (packet.source, packet.target)
        if packet.opens:
            self._connections[ends] = None
        if not packet.content:
            return
        if ends not in self._connections:
            ends = (packet.target, packet.source)
        if ends not in self._connections and packet.target[1] < packet.source[1]:
            # It was there before: a server's port is below those that clients are given.
            ends = (packet.source, packet.target)
        self._connections[ends] = bool(self._connections.get(ends)) or is_record(packet.content)

    def connections(self) -> dict[tuple[str, int], list[bool]]:
        """By the server's address and port, for each connection on which something was said, whether it is TLS.

        A server without connections has none.
        """
        found: dict[tuple[str, int], list[bool]] = {}
        for (_, server), encrypted in sorted(self._connections.items()):
            begun = found.setdefault(server, [])
            if encrypted is not None:
                begun.append(encrypted)
        return found


def is_record(content: bytes) -> bool:
    """Whether it begins as a record of TLS does: its kind, its version, and how long it is. Pure."""
    if len(content) < 5:
        return False
    kind, major, _, length = struct.unpack("!BBBH", content[:5])
    return kind in _KINDS and major == _MAJOR and 0 < length <= _LONGEST_RECORD


def tcp_packet(frame: bytes) -> Packet | None:
    """The TCP packet in an Ethernet frame; None when it holds none. Pure."""
    if len(frame) < 54 or struct.unpack("!H", frame[12:14])[0] != _IPV4 or frame[23] != _TCP:
        return None
    header = (frame[14] & 0x0F) * 4
    length = struct.unpack("!H", frame[16:18])[0]
    packet = frame[14 : 14 + length]
    segment = packet[header:]
    source_port, target_port = struct.unpack("!HH", segment[:4])
    # SYN without ACK.
    opens = segment[13] & 0x12 == 0x02
    return Packet(
        (socket.inet_ntoa(packet[12:16]), source_port),
        (socket.inet_ntoa(packet[16:20]), target_port),
        opens,
        segment[(segment[12] >> 4) * 4 :],
    )


def protocol(frame: bytes) -> str:
    """What else a frame holds, in words; empty for what keeps the bridge itself going (ARP). Pure."""
    kind = struct.unpack("!H", frame[12:14])[0] if len(frame) >= 14 else 0
    if kind == _IPV4:
        return f"IP protocol {frame[23]}" if len(frame) > 23 and frame[23] != _TCP else ""
    return "" if kind == 0x0806 else f"Ethernet type {kind:#06x}"


def _waiting(listener: socket.socket) -> Iterator[bytes]:
    """The frames that wait, no more than there is room for: others may come all the time."""
    listener.setblocking(False)
    left = _WAITING
    while left > 0:
        try:
            frame = listener.recv(_LONGEST)
        except BlockingIOError:
            return
        left -= len(frame)
        yield frame


@contextmanager
def capturing(place: Place) -> Iterator[Capture]:
    """Look at everything between the networks until the end of the block. Raises NetworkError, OSError."""
    found = Capture()
    bridge = link_name(OUTSIDE)

    def listen() -> socket.socket:
        # A packet socket belongs to the namespace of the thread that makes it.
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
        listener.bind((bridge, 0))
        # A bridge hands on what is between others only to who listens to all of it.
        listener.setsockopt(263, 1, struct.pack("iHH8s", socket.if_nametoindex(bridge), 1, 0, b""))
        # SO_RCVBUFFORCE: more than the machine's own limit.
        listener.setsockopt(socket.SOL_SOCKET, 33, _WAITING)
        listener.settimeout(_SECONDS)
        return listener

    listener = inside(place.fabric, listen)
    stop = threading.Event()

    def receive() -> None:
        while not stop.is_set():
            try:
                found.add(listener.recv(_LONGEST))
            except TimeoutError:
                continue
        # What came before the end may still wait; what comes now is of no interest.
        for frame in _waiting(listener):
            found.add(frame)

    thread = threading.Thread(target=receive, name="capture", daemon=True)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()
        listener.close()
