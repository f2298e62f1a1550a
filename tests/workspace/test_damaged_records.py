"""Records that decide what moves: what is in them is taken as it was written, or is damage, and never a traceback."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.errors import FileError
from meshfleet.federation.failover import moment
from meshfleet.federation.reachability import Reachability
from meshfleet.workspace.failover_record import Kept, read_kept, read_looks, write_kept, write_looks
from meshfleet.workspace.home import Workspace
from meshfleet.workspace.wave_record import WaveUnderWay, read_waves, write_waves
from tests.examples import up_to

pytestmark = pytest.mark.proof("a damaged record is refused or counts as none, and moves nothing", step=0)

SINCE = "2028-11-22T04:51:12Z"
READERS: dict[str, Callable[[Workspace], Any]] = {
    "failover.json": read_kept,
    "waves.json": read_waves,
    "reachability.json": read_looks,
}
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just(10**400)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    found = Workspace("test", tmp_path_factory.mktemp("records") / "home")
    write_kept(found, Kept({"web": {"b": SINCE}}, {}, {"web": ("b",)}))
    write_waves(found, {"web": WaveUnderWay(("a",), {"a": {"doc": {"kind": "ConfigMap"}}})})
    write_looks(found, {"b": Reachability(False, 10.5, 20.0)})
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in items for found in places(inner, (*path, key)))]


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    if isinstance(document, list):
        return [changed(one, path[1:], value) if at == path[0] else one for at, one in enumerate(document)]
    return {**document, path[0]: changed(document[path[0]], path[1:], value)}


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@up_to(60)
def test_any_value_in_any_place_is_read_as_it_stands_or_refused(name: str, workspace: Workspace, data: Any) -> None:
    path = workspace.directory / name
    good = path.read_text(encoding="utf-8")
    document = json.loads(good)
    place = data.draw(st.sampled_from(places(document)))
    path.write_text(json.dumps(changed(document, place, data.draw(VALUES))), encoding="utf-8")
    found: Any = {}
    try:
        with contextlib.suppress(FileError):
            found = READERS[name](workspace)
    finally:
        path.write_text(good, encoding="utf-8")
    for look in found.values() if name == "reachability.json" else ():
        # Every time can be told, and none is in the future of the look that saw it.
        assert moment(look.since) <= moment(look.seen)
    if isinstance(found, Kept):
        assert all(since.isprintable() for clusters in found.evictions.values() for since in clusters.values())


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("version", [True, 0, -1, 1.5, "1", None, [], 1e999, 10**400])
def test_a_version_that_is_none_is_damage(name: str, version: Any, workspace: Workspace) -> None:
    path = workspace.directory / name
    good = path.read_text(encoding="utf-8")
    text = json.dumps({**json.loads(good), "version": version}).replace("Infinity", "1e999")
    path.write_text(text, encoding="utf-8")
    try:
        found: Any = "refused"
        with contextlib.suppress(FileError):
            found = READERS[name](workspace)
        assert found in ("refused", {})
    finally:
        path.write_text(good, encoding="utf-8")


@pytest.mark.parametrize("name", ["failover.json", "waves.json"])
def test_a_link_in_its_place_and_a_file_without_an_end_are_refused(name: str, tmp_path: Path) -> None:
    workspace = Workspace("test", tmp_path / "home")
    path = workspace.claim() / name
    path.symlink_to("/dev/zero")
    with pytest.raises(FileError):
        READERS[name](workspace)
    path.unlink()
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    with pytest.raises(FileError):
        READERS[name](workspace)
