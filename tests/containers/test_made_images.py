"""Whether images were made from what is pinned now, and what is said when they were not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from meshfleet.containers import images as module
from meshfleet.containers.__main__ import main
from meshfleet.containers.capabilities import lacks_resource_capability
from meshfleet.containers.images import Images, find_images, node_inputs
from meshfleet.containers.images import build as building
from meshfleet.containers.images.build import build_images
from meshfleet.containers.place import Place, find_place
from meshfleet.errors import ContainersError, FileError
from meshfleet.toolchain.progress import Silence
from meshfleet.workspace.cache import Cache

pytestmark = pytest.mark.proof("images of containers from packages alone", step=0)

IDENTITY = f"sha256:{'a' * 64}"


@pytest.fixture
def cache() -> Iterator[Cache]:
    """A short path, as that of a socket must be."""
    with TemporaryDirectory(prefix="mf-") as folder:
        yield Cache(Path(folder))


@pytest.fixture
def images(cache: Cache) -> Images:
    return find_images(cache)


def _make(images: Images) -> None:
    images.remember(IDENTITY)
    kept = images.place.data / "image/overlay2/imagedb/content/sha256" / ("a" * 64)
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")


def test_images_that_were_never_made_are_missing(images: Images) -> None:
    with pytest.raises(ContainersError, match=r"kind-node:[0-9a-f]{12}: was not made yet; run scripts/kind-images"):
        images.require()


def test_made_images_are_taken_without_starting_anything(images: Images, cache: Cache) -> None:
    _make(images)
    images.require()
    assert build_images(Silence(), cache) == images


def test_images_of_other_inputs_are_not_taken(images: Images) -> None:
    _make(images)
    assert replace(images, inputs="b" * 64).missing() == "was not made yet"


def test_a_record_under_another_name_is_not_taken(images: Images) -> None:
    _make(images)
    other = replace(images, inputs="b" * 64)
    images.record_file.rename(other.record_file)
    assert other.missing() == "was made from other versions or another recipe"


def test_two_checkouts_keep_their_images_and_old_ones_go(images: Images) -> None:
    several = [replace(images, inputs=digit * 64) for digit in "abcdef"]
    for number, one in enumerate(several):
        one.remember(IDENTITY)
        os.utime(one.record_file, (number, number))
    wanted = [several[number].node for number in (3, 2, 1)]
    assert several[0].superseded() == wanted
    assert several[5].superseded() == [several[number].node for number in (2, 1, 0)]
    for old in wanted:
        images.forget(old)
    assert several[0].superseded() == []
    assert several[0].record_file.exists()


def test_an_image_that_the_engine_lost_is_noticed(images: Images) -> None:
    images.remember(IDENTITY)
    assert images.missing() == "is not in the engine's folder any more"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"version": 1}', '{"version": 1, "inputs": 1, "id": "x"}', "[" * 100_000]
)
def test_a_damaged_record_says_which_file(images: Images, text: str) -> None:
    images.place.images.mkdir(parents=True)
    images.record_file.write_text(text)
    with pytest.raises(FileError, match=r"node-[0-9a-f]{12}\.json: .*remove that file and run scripts/kind-images"):
        images.require()


def test_no_record_leads_out_of_the_engine_s_folder(images: Images) -> None:
    images.place.images.mkdir(parents=True)
    images.record_file.write_text(json.dumps({"version": 1, "inputs": images.inputs, "id": "../../../../x"}))
    with pytest.raises(FileError, match="damaged"):
        images.missing()


def test_inputs_change_with_any_source_and_with_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path)
    seen = {node_inputs(cache)}
    copy = tmp_path / "containers/images"
    for name in module._NODE_SOURCES:
        target = copy.parent / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((module._HERE.parent / name).read_bytes())
    monkeypatch.setattr(module, "_HERE", copy)
    assert node_inputs(cache) in seen
    for name in module._NODE_SOURCES:
        with (copy.parent / name).open("a") as file:
            file.write("\n# changed\n")
        seen.add(node_inputs(cache))
    lacks = lacks_resource_capability()
    monkeypatch.setattr(module, "lacks_resource_capability", lambda: not lacks)
    seen.add(node_inputs(cache))
    assert len(seen) == len(module._NODE_SOURCES) + 2


def test_a_full_disk_is_said_before_anything_is_built(
    images: Images, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "free_bytes", lambda _: 7 * 10**9)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(ContainersError, match=r"about 8 GB .* 7\.0 GB are free .* MESHFLEET_CACHE"):
        build_images(Silence(), cache)


def test_without_root_it_says_so(images: Images, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ContainersError, match="needs root; run this command with sudo"):
        build_images(Silence(), cache)


def test_without_apt_it_says_on_what_to_build(
    images: Images, cache: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ContainersError, match=r"not on PATH: apt-get, dpkg, .*Debian or Ubuntu"):
        build_images(Silence(), cache)


def test_a_path_too_long_for_sockets_is_said_at_once(tmp_path: Path) -> None:
    place = Place(tmp_path / ("x" * 90))
    with pytest.raises(ContainersError, match=r"path of a Unix socket .* at least \d+ bytes shorter"):
        place.require_short()
    Place(Path("/home/someone/.cache/meshfleet/containers")).require_short()


def test_check_builds_nothing_and_prints_what_is_missing(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MESHFLEET_CACHE", str(cache.root))
    assert main(["--check"]) == 1
    assert "was not made yet" in capsys.readouterr().err
    assert not list(cache.root.iterdir())
    _make(find_images())
    assert main(["--check"]) == 0
    assert capsys.readouterr().out.startswith("meshfleet.local/kind-node:")


def test_an_engine_that_was_never_made_says_how_to(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MESHFLEET_CACHE", str(cache.root))
    monkeypatch.setattr("meshfleet.containers.engine.os.geteuid", lambda: 0)
    assert main(["--engine", "start"]) == 1
    assert "run scripts/kind-images" in capsys.readouterr().err
    assert main(["--engine", "status"]) == 0
    assert "does not run" in capsys.readouterr().out
    assert not find_place().root.exists()


def test_force_goes_with_stop_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--engine", "start", "--force"])
    assert ended.value.code == 2
    assert "--force goes with --engine stop" in capsys.readouterr().err
