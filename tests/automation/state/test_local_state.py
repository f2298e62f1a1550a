"""A state that is damaged or gone is never taken for none: its backup is named and, after asking, restored."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from meshfleet.automation.checkout import Checkout
from meshfleet.automation.orphans import orphans, refuse_renamed
from meshfleet.automation.state.local_state import backup_of, read_state, settle_state, state_file
from meshfleet.automation.state.recorded_state import fleets_of, salt_of
from meshfleet.errors import EngineError, FileError, MeshfleetError, NewerFileError
from meshfleet.topology import TopologyError
from meshfleet.workspace.home import Workspace

pytestmark = pytest.mark.proof("a damaged or lost state is named with its backup and restored", step=0)

RECORDED: dict[str, Any] = {
    "resources": [
        {
            "urn": "urn:pulumi:dev::meshfleet::meshfleet:index:EmbeddedCluster::west/processes",
            "type": "meshfleet:index:EmbeddedCluster",
            "inputs": {"fleet": "dev"},
        }
    ],
    "secrets_providers": {"type": "passphrase", "state": {"salt": "v1:abc:def"}},
}
WHOLE = json.dumps({"version": 3, "checkpoint": {"stack": "dev", "latest": RECORDED}}).encode()
OLDER = json.dumps({"version": 3, "checkpoint": {"latest": {"resources": RECORDED["resources"] * 2}}}).encode()


def written(checkout: Checkout, content: bytes | None, backup: bytes | None = None) -> Path:
    path = state_file(checkout, "dev")
    path.parent.mkdir(parents=True, exist_ok=True)
    for one, data in ((path, content), (path.with_name("dev.json.bak"), backup)):
        if data is not None:
            one.write_bytes(data)
    return path


def test_a_state_that_is_cut_anywhere_is_damaged_and_restored_from_its_backup(checkout: Checkout) -> None:
    path = written(checkout, None, OLDER)
    for length in range(len(WHOLE)):
        path.write_bytes(WHOLE[:length])
        with pytest.raises(FileError, match=r"dev\.json: (empty|damaged)"):
            read_state(path)
    with pytest.raises(EngineError, match=rf"dev\.json: damaged .*; its backup {path}\.bak of .* is whole: restore it"):
        settle_state(checkout, "dev", restore=False)
    assert path.read_bytes() == WHOLE[:-1]
    settle_state(checkout, "dev", restore=True)
    assert path.read_bytes() == OLDER
    # What was there is kept, in case somebody can make more of it.
    assert path.with_name("dev.json.damaged").read_bytes() == WHOLE[:-1]
    settle_state(checkout, "dev", restore=False)


def test_a_backup_that_is_damaged_too_is_passed_over_for_an_older_one(checkout: Checkout) -> None:
    written(checkout, b"", WHOLE[:50])
    copies = checkout.state / ".pulumi" / "backups" / "meshfleet" / "dev"
    copies.mkdir(parents=True)
    for number, content in enumerate((OLDER, b"", b"{}", b'{"version": 3, "checkpoint": {}}'), start=1):
        (copies / f"dev.{number}.json").write_bytes(content)
        os.utime(copies / f"dev.{number}.json", (number, number))
    assert backup_of(checkout, "dev") == copies / "dev.1.json"


def test_without_a_backup_the_way_out_is_named_and_nothing_is_changed(checkout: Checkout) -> None:
    path = written(checkout, b"\0" * 100)
    with pytest.raises(EngineError, match=rf"no backup of it is whole.*remove {path}, then run meshfleet destroy"):
        settle_state(checkout, "dev", restore=True)
    assert path.read_bytes() == b"\0" * 100


def test_a_state_of_a_later_version_is_not_replaced_by_its_backup(checkout: Checkout) -> None:
    path = written(checkout, b'{"version": 5, "checkpoint": {}}', WHOLE)
    with pytest.raises(NewerFileError, match="written by a later version"):
        settle_state(checkout, "dev", restore=True)
    assert path.read_bytes() == b'{"version": 5, "checkpoint": {}}'


@pytest.mark.parametrize("backup", [None, WHOLE])
def test_a_fleet_whose_state_is_gone_gets_no_other_root_without_a_word(
    backup: bytes | None, checkout: Checkout
) -> None:
    path = written(checkout, None, backup)
    settle_state(checkout, "dev", restore=False)
    (Workspace("dev", checkout.home).claim() / "clusters" / "west").mkdir(parents=True)
    with pytest.raises(EngineError, match=r"dev\.json: is gone, and the fleet dev that it records is still here; "):
        settle_state(checkout, "dev", restore=False)
    # What is to be removed needs no state.
    settle_state(checkout, "dev", restore=False, gone_is_fine=True)
    assert not path.exists()
    if backup:
        settle_state(checkout, "dev", restore=True)
        assert path.read_bytes() == backup


def test_the_salt_is_that_of_the_state() -> None:
    assert salt_of(RECORDED) == "v1:abc:def"
    others: list[dict[str, Any]] = [
        {},
        {"secrets_providers": {"type": "cloud", "state": {"salt": "x"}}},
        {"secrets_providers": []},
    ]
    for other in others:
        assert salt_of(other) == ""


def test_a_stack_that_was_renamed_is_refused_with_the_way_back() -> None:
    assert fleets_of(RECORDED) == {"dev"}
    refuse_renamed("dev", RECORDED)
    with pytest.raises(TopologyError, match="prod was renamed: its embedded clusters belong to the fleet dev"):
        refuse_renamed("prod", RECORDED)


def test_a_fleet_without_a_state_is_an_orphan_and_only_if_something_was_made(checkout: Checkout) -> None:
    written(checkout, WHOLE)
    for name in ("dev", "old", "empty"):
        folder = Workspace(name, checkout.home).claim()
        if name != "empty":
            (folder / "clusters" / "west").mkdir(parents=True)
    assert orphans(checkout, "prod") == ["old"]
    assert orphans(checkout, "old") == []


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"3",
        b'"x"',
        b"{}",
        b'{"version": 3}',
        b'{"version": 3, "checkpoint": []}',
        b'{"version": 3, "checkpoint": {"latest": {"resources": [1]}}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b"not json",
    ],
)
def test_any_other_content_is_damaged(content: bytes, checkout: Checkout) -> None:
    path = written(checkout, content, WHOLE)
    with pytest.raises(MeshfleetError, match=r"dev\.json: damaged"):
        settle_state(checkout, "dev", restore=False)
    settle_state(checkout, "dev", restore=True)
    assert path.read_bytes() == WHOLE
