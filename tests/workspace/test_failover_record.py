"""The record of evictions: whole or refused, never taken for another stack's, and nothing early where it is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshfleet.errors import FileError, NewerFileError
from meshfleet.federation.reachability import Reachability
from meshfleet.workspace.failover_record import Kept, read_kept, read_looks, write_kept, write_looks
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.standing_evictions import with_evictions
from tests.federation.test_failover_decisions import REPLICAS, fleet, in_order, shares

pytestmark = pytest.mark.proof("the share of a cluster that stays unreachable moves, and comes back by rule", step=0)

SINCE = "2028-11-22T04:51:12Z"
KEPT = Kept({"web": {"b": SINCE}}, {}, {"web": ("b",)})
LOOKS = {"b": Reachability(False, 10.5, 20.0)}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace("test", tmp_path / "home")


def test_what_is_kept_is_read_again_and_nothing_leaves_no_file(workspace: Workspace) -> None:
    assert read_kept(workspace) == Kept()
    write_kept(workspace, KEPT)
    write_looks(workspace, LOOKS)
    assert (read_kept(workspace), read_looks(workspace)) == (KEPT, LOOKS)
    write_kept(workspace, Kept())
    assert not (workspace.directory / "failover.json").exists()


def test_a_damaged_record_a_later_one_and_another_stacks_are_refused_with_the_way_out(workspace: Workspace) -> None:
    write_kept(workspace, KEPT)
    path = workspace.directory / "failover.json"
    good: dict[str, Any] = json.loads(path.read_text())
    wrong = ("", "{", "[]", "\0", json.dumps({**good, "evictions": ["b"]}), json.dumps({**good, "before": 1}))
    for content in (*wrong, json.dumps({**good, "stack": "other"})):
        path.write_text(content)
        with pytest.raises(FileError, match=r"failover\.json: .*remove that file, after which `meshfleet up` keeps"):
            read_kept(workspace)
    path.write_text(json.dumps({**good, "version": 2}))
    with pytest.raises(NewerFileError):
        read_kept(workspace)


def test_what_was_seen_and_cannot_be_read_counts_as_nothing_seen(workspace: Workspace) -> None:
    write_looks(workspace, LOOKS)
    path = workspace.directory / "reachability.json"
    good: dict[str, Any] = json.loads(path.read_text())
    for content in (
        "",
        "{",
        json.dumps({**good, "clusters": {"b": {"answers": 1}}}),
        json.dumps({**good, "stack": "x"}),
    ):
        path.write_text(content)
        assert read_looks(workspace) == {}
    path.write_text(json.dumps({**good, "version": 2}))
    with pytest.raises(NewerFileError):
        read_looks(workspace)


def test_evictions_hold_as_far_as_the_stack_file_allows_them(workspace: Workspace) -> None:
    declared = fleet(placement=in_order("b", "c"))
    assert with_evictions(declared, workspace) is declared
    write_kept(workspace, Kept({"web": {"b": SINCE, "gone": SINCE}, "removed": {"b": SINCE}}))
    assert shares(with_evictions(declared, workspace)) == {"c": REPLICAS}
    # A move that is under way holds both.
    write_kept(workspace, Kept({"web": {"b": SINCE}}, {}))
    assert shares(with_evictions(declared, workspace)) == {"b": REPLICAS, "c": REPLICAS}
    # There is no other home any more.
    without = fleet(placement=in_order("b"))
    assert with_evictions(without, workspace).evictions == {}
