"""What is removed from a home while others make something in it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from meshfleet.workspace.fleet_identity import identity_of, place_of
from meshfleet.workspace.home import Workspace, remove_directory
from meshfleet.workspace.plain_path import plain_path, remove_links

pytestmark = pytest.mark.proof("clusters and fleets that are created and removed at the same time", step=0)

_ROUNDS: Final = 150


@pytest.mark.parametrize("kind", ["clusters", "istiods", "nodes"])
def test_what_is_being_created_is_never_pruned_by_another(tmp_path: Path, kind: str) -> None:
    def come_and_go(fleet: str, name: str) -> None:
        workspace = Workspace(fleet, tmp_path)
        directory = workspace.directory / kind / name
        for _ in range(_ROUNDS):
            workspace.claim(directory)
            # Without the marker, processes that are started here would belong to no fleet.
            assert place_of(directory) == (workspace.identity, f"{kind}/{name}")
            (directory / "record").touch()
            remove_directory(directory)
            workspace.prune()

    with ThreadPoolExecutor() as threads:
        each = [threads.submit(come_and_go, *place) for place in (("one", "west"), ("one", "east"), ("two", "west"))]
        for future in each:
            future.result()
    assert not (tmp_path / "fleets").exists()


def test_the_plain_path_of_one_fleet_outlives_the_links_of_another(tmp_path: Path) -> None:
    home = tmp_path / "a b"

    def come_and_go(fleet: str) -> None:
        directory = Workspace(fleet, home).claim()
        for _ in range(_ROUNDS):
            assert plain_path(directory).samefile(directory)
            if fleet == "gone":
                remove_links(identity_of(home, fleet))

    with ThreadPoolExecutor() as threads:
        each = [threads.submit(come_and_go, fleet) for fleet in ("stays", "stays", "gone")]
        for future in each:
            future.result()
    remove_links(identity_of(home, "stays"))
