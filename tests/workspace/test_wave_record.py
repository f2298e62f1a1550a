"""The record of a wave that is under way: whole or refused, and readable by its owner alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshfleet.errors import FileError, NewerFileError
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.wave_record import WaveUnderWay, read_waves, write_waves

pytestmark = pytest.mark.proof("a wave that does not become healthy is rolled back on request", step=0)

WAVES = {"web": WaveUnderWay(("a", "b"), {"a": {"doc": {"kind": "ConfigMap"}}, "b": {}}), "other": WaveUnderWay(("a",))}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace("test", tmp_path / "home")


def test_what_is_kept_is_read_again_and_nothing_leaves_no_file(workspace: Workspace) -> None:
    assert read_waves(workspace) == {}
    write_waves(workspace, WAVES)
    assert read_waves(workspace) == WAVES
    path = workspace.directory / "waves.json"
    assert path.stat().st_mode & 0o077 == 0
    write_waves(workspace, {})
    assert not path.exists()


def test_a_damaged_record_a_later_one_and_another_stacks_are_refused_with_the_way_out(workspace: Workspace) -> None:
    write_waves(workspace, WAVES)
    path = workspace.directory / "waves.json"
    good: dict[str, Any] = json.loads(path.read_text())
    wrong: list[Any] = [1, {"web": 1}, {"web": {"clusters": "a", "before": None}}, {"web": {"clusters": ["a"]}}]
    for content in ("", "{", "[]", *(json.dumps({**good, "waves": each}) for each in wrong)):
        path.write_text(content)
        with pytest.raises(FileError, match=r"waves\.json: .*remove that file, after which a wave that was"):
            read_waves(workspace)
    path.write_text(json.dumps({**good, "stack": "other"}))
    with pytest.raises(FileError, match="is of the stack 'other'"):
        read_waves(workspace)
    path.write_text(json.dumps({**good, "version": 2}))
    with pytest.raises(NewerFileError):
        read_waves(workspace)
