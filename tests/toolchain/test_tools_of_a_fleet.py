"""Programs, and the files they read, are found where the command says that they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshfleet.errors import ToolchainError
from meshfleet.toolchain.tools import shared_file, tool

pytestmark = pytest.mark.proof("programs are found in one folder, or named when they are missing", step=0)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of programs."""
    folder = tmp_path / "view" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setenv("MESHFLEET_TOOLS", str(folder))
    return folder


def test_a_program_is_in_the_folder(tools: Path) -> None:
    (tools / "envoy").touch(mode=0o755)
    assert tool("envoy") == tools / "envoy"


def test_a_file_that_programs_read_is_beside_the_folder(tools: Path) -> None:
    file = tools.parent / "share" / "envoy_bootstrap.json"
    file.parent.mkdir()
    file.touch()
    assert shared_file("envoy_bootstrap.json") == file


def test_what_is_missing_is_named(tools: Path) -> None:
    with pytest.raises(ToolchainError, match=r"bin/envoy: no such program; run scripts/bootstrap"):
        tool("envoy")
    with pytest.raises(ToolchainError, match=r"share/envoy_bootstrap\.json: no such file; run scripts/bootstrap"):
        shared_file("envoy_bootstrap.json")
