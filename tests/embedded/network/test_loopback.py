"""The loopback ports of a home answer the user they belong to and no other user of the machine."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.network.loopback import close_ports, loopback_rules, table_name
from embedded.network.privileges import missing_for_rules
from embedded.ports import release_ports, reserve_ports
from tests.neighbour import as_user

pytestmark = pytest.mark.proof("other users of the machine", step=0)


@given(st.sets(st.integers(1, 65535), min_size=1), st.integers(0, 1 << 31))
def test_the_table_refuses_every_port_to_all_but_one_user(ports: set[int], user: int) -> None:
    rules = loopback_rules("t", ports, user)
    elements = rules.partition("elements = {")[2].partition("}")[0]
    assert {int(port) for port in elements.split(",")} == ports
    assert f"tcp dport @ports meta skuid != {user} reject" in rules


def test_without_ports_there_is_no_table() -> None:
    assert loopback_rules("t", [], 0) == "table inet t\ndelete table inet t\n"


def test_homes_have_tables_of_their_own(tmp_path: Path) -> None:
    assert table_name(tmp_path / "a") != table_name(tmp_path / "b")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    release_ports(tmp_path, "fleet/istiod/a")
    close_ports(tmp_path)


def tables() -> str:
    return subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout


def reached(ports: list[int]) -> list[int]:
    found = []
    for port in ports:
        for address in ("127.0.0.1", "127.1.2.3"):
            try:
                socket.create_connection((address, port), 2).close()
            except OSError:
                continue
            found.append(port)
    return sorted(set(found))


@pytest.mark.root("rules of nftables")
@pytest.mark.proof("other users of the machine", step=2)
def test_another_user_reaches_api_servers_alone(home: Path) -> None:
    names = ("http", "monitoring", "kwok-controller", "kube-apiserver")
    ports = reserve_ports(home, "fleet/istiod/a", names)
    with ExitStack() as stack:
        for port in ports.values():
            listener = stack.enter_context(socket.socket())
            # On all addresses: 127.0.0.1 is not the only one of loopback.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("0.0.0.0", port))
            listener.listen()
        everything = sorted(ports.values())
        assert as_user(reached, everything) == everything
        close_ports(home)
        assert reached(everything) == everything
        assert as_user(reached, everything) == [ports["kube-apiserver"]]


@pytest.mark.root("rules of nftables")
@pytest.mark.proof("other users of the machine", step=2)
def test_the_table_goes_with_the_last_port(home: Path) -> None:
    reserve_ports(home, "fleet/istiod/a", ("http",))
    close_ports(home)
    assert table_name(home) in tables()
    release_ports(home, "fleet/istiod/a")
    close_ports(home)
    assert table_name(home) not in tables()


@pytest.mark.skipif(os.geteuid() != 0, reason="it becomes an ordinary user")
def test_an_ordinary_user_is_not_held_up_by_what_they_cannot_write() -> None:
    # The child inherits what this process, as root, has found out.
    missing_for_rules.cache_clear()
    as_user(close_ports, Path("/nonexistent"))
    missing_for_rules.cache_clear()
    assert not Path("/nonexistent").exists()
