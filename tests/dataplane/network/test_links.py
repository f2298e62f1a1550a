"""Links between namespaces: the address they are found by, and removals at the same moment as the kernel's."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pyroute2
import pytest
from pyroute2 import NetlinkError

from meshfleet.dataplane.network import links
from meshfleet.errors import NetworkError

pytestmark = pytest.mark.proof("links and addresses that other programs remove at the same moment", step=0)

REMOVALS: dict[str, Callable[[], None]] = {
    "link": lambda: links.remove_link("m1"),
    "address": lambda: links.set_addresses("m1", set()),
    "route": lambda: links.set_routes("m1", {}),
}
GONE = (errno.ESRCH, errno.ENODEV, errno.ENXIO, errno.EADDRNOTAVAIL)


class Message(dict[str, Any]):
    """One that has every attribute."""

    def get_attr(self, name: str) -> str:
        return {"IFA_ADDRESS": "10.0.0.1", "RTA_DST": "10.1.0.0", "RTA_GATEWAY": "10.0.0.2"}[name]


class Kernel:
    """Shows one of each, and answers each removal with an error."""

    def __init__(self, code: int) -> None:
        self._code = code

    def __call__(self) -> Kernel:
        return self

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def link_lookup(self, ifname: str) -> list[int]:
        return [7]

    def get_addr(self, **_: object) -> list[Message]:
        return [Message()]

    def get_routes(self, **_: object) -> list[Message]:
        return [Message(dst_len=24)]

    def _remove(self, command: str, **_: object) -> None:
        assert command == "del"
        raise NetlinkError(self._code)

    link = addr = route = _remove


@pytest.mark.parametrize("removal", REMOVALS)
@pytest.mark.parametrize("code", GONE)
def test_what_was_removed_meanwhile_is_no_error(removal: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyroute2, "IPRoute", Kernel(code))
    REMOVALS[removal]()


@pytest.mark.parametrize("removal", REMOVALS)
def test_a_removal_that_is_refused_is_an_error(removal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyroute2, "IPRoute", Kernel(errno.EPERM))
    with pytest.raises(NetworkError, match="the kernel refuses it"):
        REMOVALS[removal]()


def test_an_address_has_the_same_hardware_address_on_every_interface_and_no_other_address_has_it() -> None:
    made = {address: links.hardware_address(address) for address in ("100.64.0.1", "100.64.1.0", "10.0.0.1")}
    assert made["100.64.0.1"] == "02:00:64:40:00:01"
    assert len(set(made.values())) == len(made)
    # The second bit of the first byte says that it is given by hand, the first one that it is of one interface.
    assert {int(one[:2], 16) & 0b11 for one in made.values()} == {0b10}
