"""Tests with a real cert-manager, run by scripts/test-cert-manager alone: it takes minutes to build."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshfleet.testing import Sandbox
from scripts.continuity_under_change.fleet_under_change import FleetUnderChange
from tests.integration.cert_manager.issuing import issuing_fleet
from tests.integration.clone import Clone

SELECTED = "MESHFLEET_CERT_MANAGER_TESTS"
"""The variable with which scripts/test-cert-manager says that it is meant; scripts/test leaves this folder out."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave this folder out, but where it is only listed (docs/proof.md) or asked for."""
    del collection_path
    return None if os.environ.get(SELECTED) == "1" or config.option.collectonly else True


@pytest.fixture(scope="session")
def sandbox(clone: Clone) -> Iterator[Sandbox]:
    with clone.sandbox() as made:
        yield made


@pytest.fixture(scope="session")
def fleet(sandbox: Sandbox) -> Iterator[FleetUnderChange]:
    """Shared by all files, each of which begins and ends with intermediates that the stack issues itself."""
    with issuing_fleet(sandbox) as made:
        yield made
