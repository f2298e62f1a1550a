"""Tests on real clusters in containers, run by scripts/test-kind alone: they need images that take minutes to make."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshfleet.containers.engine import Engine, find_engine
from meshfleet.containers.images import Images, find_images

SELECTED = "MESHFLEET_KIND_TESTS"
"""The variable with which scripts/test-kind says that it is meant; scripts/test never collects them to run them."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave this folder out, but where it is only listed (docs/proof.md) or asked for."""
    del collection_path
    return None if os.environ.get(SELECTED) == "1" or config.option.collectonly else True


@pytest.fixture(scope="session")
def images() -> Images:
    """The images, which were made before. Raises ContainersError with the command that makes them."""
    found = find_images()
    found.require()
    return found


@pytest.fixture(scope="session")
def engine(images: Images) -> Iterator[Engine]:
    """The engine, running to the end, whatever fleet was its last; stopped afterwards where nothing is in it."""
    found = find_engine()
    with found.in_use():
        yield found
    found.stop_if_unused()
