"""Tests with a real cert-manager, run by scripts/test-cert-manager alone: it takes minutes to build."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SELECTED = "MESHFLEET_CERT_MANAGER_TESTS"
"""The variable with which scripts/test-cert-manager says that it is meant; scripts/test leaves this folder out."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave this folder out, but where it is only listed (docs/proof.md) or asked for."""
    del collection_path
    return None if os.environ.get(SELECTED) == "1" or config.option.collectonly else True
