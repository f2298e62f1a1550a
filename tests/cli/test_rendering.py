"""`render`: the same bytes each time, the whole plan, and nobody else's files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from meshfleet.cli.rendering import render
from meshfleet.manifests import fleet_plan
from meshfleet.manifests.objects import written
from meshfleet.sources import load
from meshfleet.topology import Fleet, read_stack_file
from tests.automation.stack_files import ROOT, Command, write_stack

pytestmark = pytest.mark.proof("render gives the same bytes for the same input", step=0)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def dev(stacks: Path) -> Fleet:
    file = read_stack_file(stacks, "dev")
    return load(file.stack, file.config)


def large(size: int) -> dict[str, Any]:
    return {
        "host": "c0",
        "networks": {f"n{number}": {} for number in range(size)},
        "clusters": {f"c{number}": {"embedded": {}, "network": f"n{number}"} for number in range(size)},
    }


def test_two_renders_are_byte_identical(meshfleet: Command, tmp_path: Path) -> None:
    for out in ("a", "b"):
        assert meshfleet("render", "--stack", "dev", "--out", str(tmp_path / out)).exit_code == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    # And so is one over what another stack left there.
    assert meshfleet("render", "--stack", "examples/two-meshes", "--out", str(tmp_path / "b")).exit_code == 0
    assert (tmp_path / "b" / "production").is_dir()
    assert meshfleet("render", "--stack", "dev", "--out", str(tmp_path / "b")).exit_code == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_the_bytes_do_not_depend_on_the_order_in_which_python_keeps_sets(home: Path, tmp_path: Path) -> None:
    for seed in ("1", "2"):
        command = [sys.executable, "-c", "from meshfleet.cli.entry_point import main; main()"]
        subprocess.run(
            [*command, "render", "--stack", "dev", "--out", str(tmp_path / seed)],
            cwd=ROOT,
            env={"PATH": os.defpath, "PYTHONHASHSEED": seed, "MESHFLEET_HOME": str(home)},
            check=True,
            capture_output=True,
            timeout=60,
        )
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    assert not home.exists()


def test_every_document_of_the_plan_is_a_file_that_reads_back_as_it(stacks: Path) -> None:
    files = render(dev(stacks))
    reader = YAML(typ="safe", pure=True)
    planned = [written(document.body) for plan in fleet_plan(dev(stacks)).values() for document in plan]
    assert [reader.load(text) for text in files.values()] == planned


def test_files_sort_in_the_order_they_are_applied_however_many_there_are(stacks: Path) -> None:
    many = large(1) | {"namespaces": {f"team-{number}": {} for number in range(120)}}
    files = list(render(load("many", many)))
    assert files == sorted(files)
    assert len(files) > 100


def test_the_names_of_the_files_are_the_answer_in_json(meshfleet: Command, tmp_path: Path) -> None:
    result = meshfleet("render", "--stack", "dev", "--out", str(tmp_path / "out"), "--json")
    assert set(json.loads(result.stdout)["files"]) == contents(tmp_path / "out").keys()


def test_what_an_earlier_render_wrote_and_is_no_longer_planned_is_removed(
    meshfleet: Command, stacks: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    meshfleet("render", "--stack", "dev", "--out", str(out))
    config = large(1) | {"namespaces": {"shop": {}}}
    write_stack(stacks, "small", config)
    assert meshfleet("render", "--stack", "small", "--out", str(out)).exit_code == 0
    assert {path.name for path in out.iterdir()} == {"c0"}
    del config["namespaces"]
    write_stack(stacks, "small", config)
    assert meshfleet("render", "--stack", "small", "--out", str(out)).exit_code == 0
    assert not [name for name in contents(out) if "shop" in name]


def test_files_and_folders_of_others_are_left_alone(meshfleet: Command, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "base").mkdir(parents=True)
    (out / "base" / "kustomization.yaml").write_text("resources: []\n", encoding="utf-8")
    (out / "empty").mkdir()
    (out / "notes.txt").write_text("mine\n", encoding="utf-8")
    before = contents(out)
    assert meshfleet("render", "--stack", "dev", "--out", str(out)).exit_code == 0
    assert before.items() <= contents(out).items()
    assert (out / "empty").is_dir()


@pytest.mark.parametrize("theirs", ["west/notes.txt", "west/deployment.yaml", "west"])
def test_a_folder_of_somebody_else_with_the_name_of_a_cluster_is_refused_before_anything_is_written(
    theirs: str, meshfleet: Command, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    meshfleet("render", "--stack", "examples/two-meshes", "--out", str(out))
    (out / theirs).parent.mkdir(exist_ok=True)
    (out / theirs).write_text("mine\n", encoding="utf-8")
    before = contents(out)
    result = meshfleet("render", "--stack", "dev", "--out", str(out))
    assert result.exit_code == 1
    assert f"{out / 'west'} was not written by render; choose another directory" in result.stderr
    assert contents(out) == before


def test_a_link_is_never_followed_to_remove_what_it_leads_to(meshfleet: Command, tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    meshfleet("render", "--stack", "dev", "--out", str(elsewhere))
    before = contents(elsewhere)
    out.mkdir()
    (out / "west").symlink_to(elsewhere / "west")
    assert meshfleet("render", "--stack", "dev", "--out", str(out)).exit_code == 1
    assert contents(elsewhere) == before


def test_a_file_in_place_of_the_folder_is_named(meshfleet: Command, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("mine\n", encoding="utf-8")
    result = meshfleet("render", "--stack", "dev", "--out", str(out))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {out}")
    assert "choose another directory for --out" in result.stderr


def test_a_hundred_clusters_have_ten_times_the_files_of_ten(stacks: Path) -> None:
    ten, hundred = (render(load("large", large(size))) for size in (10, 100))
    assert len(hundred) == 10 * len(ten)
    assert len({name.partition("/")[0] for name in hundred}) == 100
