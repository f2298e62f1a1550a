"""A workspace of each test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshfleet.workspace.home import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace("fleet", tmp_path)
