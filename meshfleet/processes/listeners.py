"""Which processes of this machine listen on TCP ports, as far as this user may see."""

from __future__ import annotations

from collections.abc import Collection


def listening(ports: Collection[int]) -> dict[int, int]:
    """The process that listens on each of these ports: port → id, without those of processes of other users."""
    import psutil

    try:
        return {
            one.laddr.port: one.pid
            for one in psutil.net_connections("tcp")
            if one.status == psutil.CONN_LISTEN and one.laddr and one.pid and one.laddr.port in ports
        }
    except (psutil.Error, OSError):
        # Sockets of other users are not shown to everybody, and no message or removal may fail for that.
        return {}


def listener_on(port: int) -> tuple[int, str] | None:
    """The id and the name of the process that listens on a port; None if it is not known."""
    import psutil

    pid = listening({port}).get(port)
    if pid is None:
        return None
    try:
        return pid, psutil.Process(pid).name()
    except psutil.Error:
        # It has ended meanwhile.
        return None
