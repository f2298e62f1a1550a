"""Ports and addresses that no two owners share."""

from __future__ import annotations

import ipaddress
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshfleet.embedded import ports as ports_module
from meshfleet.embedded.addresses import release_address, reserve_address
from meshfleet.embedded.ports import (
    FIRST,
    LAST,
    port_is_free,
    release_ports,
    require_free_ports,
    reserve_ports,
    reserved_ports,
)
from meshfleet.embedded.reservations import reservations
from meshfleet.errors import LockedError, PortError

pytestmark = pytest.mark.proof("loopback ports and addresses that no two owners share", step=0)


def test_an_owner_keeps_its_ports_until_it_gives_them_back(tmp_path: Path) -> None:
    first = reserve_ports(tmp_path, "dev/cluster/west", ["etcd", "api"])
    assert reserve_ports(tmp_path, "dev/cluster/west", ["etcd", "api"]) == first
    assert reserved_ports(tmp_path, "dev/cluster/west") == first
    more = reserve_ports(tmp_path, "dev/cluster/west", ["etcd", "api", "peer"])
    assert {name: more[name] for name in first} == first
    release_ports(tmp_path, "dev/cluster/west")
    assert reserved_ports(tmp_path, "dev/cluster/west") == {}
    release_ports(tmp_path, "dev/cluster/west")


def test_owners_that_come_at_the_same_moment_never_share_a_port(tmp_path: Path) -> None:
    owners = [f"dev/cluster/{number}" for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        reserved = list(pool.map(lambda owner: reserve_ports(tmp_path, owner, ["a", "b", "c"]), owners))
    numbers = [port for ports in reserved for port in ports.values()]
    assert len(set(numbers)) == 36
    assert all(FIRST <= number <= LAST for number in numbers)


def test_a_port_on_which_somebody_listens_is_not_chosen(tmp_path: Path) -> None:
    chosen = reserve_ports(tmp_path, "dev/cluster/west", ["etcd"])["etcd"]
    release_ports(tmp_path, "dev/cluster/west")
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", chosen))
        stranger.listen()
        assert not port_is_free(chosen)
        assert reserve_ports(tmp_path, "dev/cluster/west", ["etcd"])["etcd"] != chosen
        with pytest.raises(PortError, match=rf"dev/west: port 127.0.0.1:{chosen} \(etcd\).*process {os.getpid()} "):
            require_free_ports("dev/west", {"etcd": chosen})
    require_free_ports("dev/west", {"etcd": chosen})


def test_running_out_of_ports_names_the_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports_module, "LAST", FIRST + 1)
    monkeypatch.setattr(ports_module, "port_is_free", lambda port: True)
    monkeypatch.setenv("MESHFLEET_CACHE", str(tmp_path / "cache"))
    with pytest.raises(PortError, match=rf"no free port for c on 127.0.0.1 between {FIRST} and {FIRST + 1}"):
        reserve_ports(tmp_path, "dev/cluster/west", ["a", "b", "c"])
    assert reserved_ports(tmp_path, "dev/cluster/west") == {}


@given(owners=st.lists(st.text(min_size=1), unique=True, max_size=8))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_every_gateway_has_an_address_of_its_own_that_may_be_an_endpoint(owners: list[str], tmp_path: Path) -> None:
    addresses = [reserve_address(tmp_path, owner) for owner in owners]
    assert len(set(addresses)) == len(owners)
    # RFC 2544, appendix C.2.2; what an endpoint's address may not be: ValidateEndpointIP of kubernetes/kubernetes.
    assert all(ipaddress.ip_address(address) in ipaddress.ip_network("198.18.0.0/15") for address in addresses)
    assert not any(ipaddress.ip_address(address).is_loopback for address in addresses)
    assert [reserve_address(tmp_path, owner) for owner in owners] == addresses
    for owner in owners:
        release_address(tmp_path, owner)
        release_address(tmp_path, owner)


def test_an_error_in_the_block_reserves_nothing(tmp_path: Path) -> None:
    def failing() -> None:
        with reservations(tmp_path) as held:
            held.addresses["dev"] = "198.18.0.1"
            raise KeyError("anything")

    with pytest.raises(KeyError):
        failing()
    with reservations(tmp_path) as held:
        assert held.addresses == {}


def test_somebody_who_holds_the_lock_for_too_long_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshfleet.workspace.home_lock._SECONDS", 0.1)
    with reservations(tmp_path), pytest.raises(LockedError, match="another meshfleet held it for"):
        reserve_ports(tmp_path, "dev/cluster/west", ["etcd"])
