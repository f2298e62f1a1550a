"""The loopback ports of a home answer the user they belong to and no other user of the machine."""

from __future__ import annotations

import copy
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.embedded import loopback
from meshfleet.embedded.kept_tables import NOTES, Kept, abandoned, keep
from meshfleet.embedded.loopback import close_ports, closed_ports, loopback_rules, open_ports, table_name
from meshfleet.embedded.ports import release_ports, reserve_ports
from meshfleet.embedded.privileges import missing_for_rules
from meshfleet.workspace.marker import claim_home
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


LISTING = {
    "nftables": [
        {"metainfo": {"json_schema_version": 1}},
        {"table": {"family": "inet", "name": "t"}},
        {"set": {"name": "ports", "type": "inet_service", "elem": [21000, 21001]}},
        {"chain": {"name": "output", "type": "filter", "hook": "output", "prio": 0, "policy": "accept"}},
        {
            "rule": {
                "expr": [
                    {"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "lo"}},
                    {"match": {"op": "==", "left": "flags, which versions of nft show in different ways", "right": 2}},
                    {
                        "match": {
                            "op": "==",
                            "left": {"payload": {"protocol": "tcp", "field": "dport"}},
                            "right": "@ports",
                        }
                    },
                    {"match": {"op": "!=", "left": {"meta": {"key": "skuid"}}, "right": 0}},
                    {"reject": {"type": "tcp reset"}},
                ]
            }
        },
    ]
}


def changed(*path: int | str, value: object) -> object:
    """The listing with another value there; with None the part is left out."""
    listing = copy.deepcopy(LISTING)
    part: Any = listing
    for step in path[:-1]:
        part = part[step]
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return listing


RULE = ("nftables", 4, "rule", "expr")


def test_the_ports_of_the_table_are_read_from_what_nft_lists() -> None:
    assert closed_ports(LISTING, 0) == {21000, 21001}
    assert closed_ports(changed("nftables", 2, "set", "elem", value=[21000]), 0) == {21000}


@pytest.mark.parametrize(
    "listing",
    [
        None,
        {},
        {"nftables": []},
        changed("nftables", 4, value=None),
        changed("nftables", 2, value=None),
        changed("nftables", 2, "set", "elem", value=None),
        changed("nftables", 3, "chain", "hook", value="input"),
        changed("nftables", 3, "chain", "hook", value=None),
        changed(*RULE, 4, value={"accept": None}),
        changed(*RULE, 3, value=None),
        changed(*RULE, 3, "match", "right", value=1000),
        changed(*RULE, 3, "match", "op", value="=="),
        changed(*RULE, 2, "match", "right", value=22),
        changed(*RULE, 0, "match", "right", value="eth0"),
        changed(*RULE, 1, value=None),
    ],
)
def test_a_table_that_was_changed_closes_nothing(listing: object) -> None:
    assert closed_ports(listing, 0) == frozenset()


@pytest.mark.root("rules of nftables")
@pytest.mark.proof("other users of the machine", step=2)
@pytest.mark.parametrize(
    ("command", "left_open"),
    [
        ("delete table inet {table}", {"http", "monitoring"}),
        ("flush chain inet {table} output", {"http", "monitoring"}),
        ("insert rule inet {table} output accept", {"http", "monitoring"}),
        ("delete element inet {table} ports {{ {http} }}", {"http"}),
    ],
)
def test_a_table_that_is_missing_or_changed_is_seen_and_written_again(
    home: Path, command: str, left_open: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loopback, "FRESH_SECONDS", 0.0)
    ports = reserve_ports(home, "fleet/istiod/a", ("http", "monitoring", "kube-apiserver"))
    close_ports(home)
    assert open_ports(home, ports) == ()
    line = command.format(table=table_name(home), **ports)
    subprocess.run(["nft", "-f", "-"], input=f"{line}\n", text=True, check=True)
    assert open_ports(home, ports) == tuple(f"port {ports[name]} ({name})" for name in sorted(left_open))
    close_ports(home)
    assert open_ports(home, ports) == ()


@pytest.mark.root("rules of nftables")
@pytest.mark.proof("other users of the machine", step=2)
@pytest.mark.parametrize("way", ["moved", "removed"])
def test_the_table_of_a_home_that_is_gone_goes_with_the_next_that_is_written(tmp_path: Path, way: str) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    claim_home(before)
    ports = reserve_ports(before, "fleet/istiod/a", ("http",))
    close_ports(before)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", ports["http"]))
        listener.listen()
        if way == "moved":
            before.rename(after)
        else:
            shutil.rmtree(before)
            claim_home(after)
        close_ports(after)
        # Where the port is in no other table it stays closed for as long as something listens.
        assert (table_name(before) in tables()) == (way == "removed")
    close_ports(after)
    assert table_name(before) not in tables()
    assert not (NOTES / f"{table_name(before)}.json").exists()
    release_ports(after, "fleet/istiod/a")
    close_ports(after)
    assert table_name(after) not in tables()


def test_what_is_noted_of_tables_is_read_with_care(tmp_path: Path) -> None:
    notes, home = tmp_path / "notes", tmp_path / "home"
    kept = Kept("meshfleet-1", tmp_path / "gone", frozenset({1}))
    keep(kept, notes)
    for name, text in (("2", "{"), ("3", ""), ("4", '{"home": 1}'), ("5", "null")):
        (notes / f"meshfleet-{name}.json").write_text(text, encoding="utf-8")
    assert list(abandoned(home, (), notes)) == [kept]
    # A home that is there keeps its table.
    claim_home(tmp_path / "gone")
    assert list(abandoned(home, (), notes)) == []
    keep(replace(kept, ports=frozenset()), notes)
    assert not (notes / "meshfleet-1.json").exists()
    assert list(abandoned(home, (), tmp_path / "none")) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="it becomes an ordinary user")
def test_an_ordinary_user_is_not_held_up_by_what_they_cannot_write() -> None:
    # The child inherits what this process, as root, has found out.
    missing_for_rules.cache_clear()
    as_user(close_ports, Path("/nonexistent"))
    missing_for_rules.cache_clear()
    assert not Path("/nonexistent").exists()
