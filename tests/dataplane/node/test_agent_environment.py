"""The agent of a node finds the home of its fleet in the environment that it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshfleet.dataplane.node.node_agent import _environment
from meshfleet.workspace.home import Workspace

pytestmark = pytest.mark.proof("programs see a chosen environment, whatever the shell has", step=0)


def test_an_agent_finds_its_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = _environment(Workspace("dev", tmp_path / "home"))
    for name in ("HOME", "MESHFLEET_HOME"):
        monkeypatch.setenv(name, given[name])
    assert Workspace.of("dev") == Workspace("dev", tmp_path / "home")
