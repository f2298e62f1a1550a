"""Links, addresses and routes of the namespace that the calling thread is in, over netlink.

What is there already as it is wanted stays; what goes with a namespace is never removed one by one.
Source: https://docs.pyroute2.org/iproute.html
"""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from meshfleet.dataplane.network.namespaces import inside, path_of
from meshfleet.errors import NetworkError

# No such route, no such interface, no such address.
_GONE: Final = frozenset({errno.ESRCH, errno.ENODEV, errno.ENXIO, errno.EADDRNOTAVAIL})


@contextmanager
def _netlink(subject: str) -> Iterator[Any]:
    from pyroute2 import IPRoute, NetlinkError

    try:
        with IPRoute() as netlink:
            yield netlink
    except NetlinkError as error:
        raise NetworkError(f"{subject}: the kernel refuses it ({error.args[-1]})") from error


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    """For removals: the kernel removes by itself what was in a namespace that has ended, at a moment of its own."""
    from pyroute2 import NetlinkError

    try:
        yield
    except NetlinkError as error:
        if error.code not in _GONE:
            raise


def add_bridges(*wanted: str) -> None:
    """Bridges of these names, up, which say nothing by themselves. Raises NetworkError."""
    for link in wanted:
        with _netlink(f"bridge {link}") as netlink:
            if not netlink.link_lookup(ifname=link):
                # One that looks into multicast joins a group for that (RFC 4286), and tells everybody by IGMP.
                netlink.link("add", ifname=link, kind="bridge", br_mcast_snooping=0)
            netlink.link("set", index=_index(netlink, link), state="up")


def connect(here: str, there: str, link: str, peer: str, bridge: str = "", address: str = "") -> None:
    """A pair of virtual interfaces, up: `link` in namespace `here`, `peer` in `there`, there a port of `bridge`.

    `address` is the IPv4 address by which others on the bridge find `link`, if they do; its hardware address is made
    from that, so that what they remember of an earlier interface with this address leads to this one. Otherwise they
    would send to the earlier one until their probes fail: for eight seconds (delay_first_probe_time and ucast_solicit
    of https://docs.kernel.org/networking/ip-sysctl.html). Raises NetworkError.
    """
    hardware = {"address": hardware_address(address)} if address else {}

    def add() -> bool:
        with _netlink(f"interface {link} of {here}") as netlink:
            if netlink.link_lookup(ifname=link):
                return False
            other = {"ifname": peer, "net_ns_fd": str(path_of(there))}
            netlink.link("add", ifname=link, kind="veth", peer=other, **hardware)
            netlink.link("set", index=_index(netlink, link), state="up")
            return True

    def attach() -> None:
        with _netlink(f"interface {peer} of {there}") as netlink:
            index = _index(netlink, peer)
            if bridge:
                netlink.link("set", index=index, master=_index(netlink, bridge))
            netlink.link("set", index=index, state="up")

    if inside(here, add) or bridge:
        inside(there, attach)


def hardware_address(address: str) -> str:
    """The hardware address, locally administered, of the interface with an IPv4 address. Pure."""
    return ":".join(f"{byte:02x}" for byte in (2, 0, *ipaddress.IPv4Address(address).packed))


def remove_link(link: str) -> None:
    """Remove an interface, and with it its peer; fine when there is none. Raises NetworkError."""
    with _netlink(f"interface {link}") as netlink:
        for index in netlink.link_lookup(ifname=link):
            with _gone_is_fine():
                netlink.link("del", index=index)


def set_carries(link: str, *, carries: bool) -> None:
    """Let an interface carry packets, or lose them in silence, as a cable that is pulled does. Raises NetworkError."""
    with _netlink(f"interface {link}") as netlink:
        netlink.link("set", index=_index(netlink, link), state="up" if carries else "down")


def set_addresses(link: str, wanted: set[str], *, of_host_alone: bool = False) -> None:
    """Make the IPv4 addresses of an interface these, each alone (/32), 127.0.0.1 left out of it.

    Those `of_host_alone` are answered for, but never chosen as where something comes from. Raises NetworkError.
    """
    with _netlink(f"addresses of {link}") as netlink:
        index = _index(netlink, link)
        found = {str(one.get_attr("IFA_ADDRESS")) for one in netlink.get_addr(family=2, index=index)}
        found -= {"127.0.0.1"}
        for address in sorted(found - wanted):
            with _gone_is_fine():
                netlink.addr("del", index=index, address=address, prefixlen=32)
        for address in sorted(wanted - found):
            # RT_SCOPE_HOST, RT_SCOPE_UNIVERSE.
            netlink.addr("add", index=index, address=address, prefixlen=32, scope=254 if of_host_alone else 0)


def add_route(target: str, link: str, gateway: str = "") -> None:
    """Send what is for `target` (a range, or `default`) over an interface, by way of `gateway` if one is given.

    The gateway need not be in a range of that interface. Raises NetworkError.
    """
    with _netlink(f"route to {target}") as netlink:
        route: dict[str, Any] = {"dst": target, "oif": _index(netlink, link)}
        if gateway:
            # RTNH_F_ONLINK: it answers on that link, whatever the addresses say.
            route |= {"gateway": gateway, "flags": 4}
        else:
            route |= {"scope": 253}
        netlink.route("replace", **route)


def set_routes(link: str, wanted: Mapping[str, str]) -> None:
    """Make the routes of an interface that have a gateway these: range → gateway. Raises NetworkError."""
    with _netlink(f"routes over {link}") as netlink:
        index = _index(netlink, link)
        for route in netlink.get_routes(family=2, oif=index):
            range_ = f"{route.get_attr('RTA_DST')}/{route['dst_len']}"
            if route.get_attr("RTA_GATEWAY") and range_ not in wanted:
                with _gone_is_fine():
                    netlink.route("del", dst=range_, oif=index)
    for range_, gateway in wanted.items():
        add_route(str(ipaddress.ip_network(range_)), link, gateway)


def _index(netlink: Any, link: str) -> int:
    found = netlink.link_lookup(ifname=link)
    if not found:
        raise NetworkError(f"interface {link}: there is none; remove the network namespace and run up again")
    return int(found[0])
