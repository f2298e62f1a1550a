"""One fresh clone for all integration tests; each fleet has a home of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshfleet.testing import Sandbox
from meshfleet.testing.fixtures import pytest_runtest_makereport
from meshfleet.toolchain import Toolchain
from tests.integration.clone import Clone, make_clone
from tests.kubernetes_plugin import chosen_plugin, pulumi_home_with

__all__ = ["pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def clone(toolchain: Toolchain) -> Iterator[Clone]:
    """A clone whose Kubernetes plugin is looked for once, not once for each home."""
    folder = Path(tempfile.mkdtemp(prefix="mf-"))
    try:
        made = make_clone(folder)
        with made.sandbox() as first:
            if official := chosen_plugin():
                first.extra["PULUMI_HOME"] = str(pulumi_home_with(official, folder / "pulumi"))
            first.meshfleet("env")
            shutil.copytree(first.home / "pulumi" / "plugins", made.plugins, symlinks=True)
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sandbox(clone: Clone) -> Iterator[Sandbox]:
    """A sandbox of one test."""
    with clone.sandbox() as made:
        yield made
