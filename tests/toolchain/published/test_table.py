"""The table of publishers has every tool, in the versions of this project, and is the one place of addresses."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from meshfleet.toolchain.extras import EXTRAS
from meshfleet.toolchain.installation import Installation
from meshfleet.toolchain.published.choice import choose
from meshfleet.toolchain.published.mirrors import OFF, VARIABLE, is_safe
from meshfleet.toolchain.published.records import PROJECT_LOCK, parse_records
from meshfleet.toolchain.published.table import ITSELF, published_version, standard_table
from meshfleet.toolchain.recipes import FURTHER, RECIPES
from meshfleet.versions import BUILT_ISTIO, PUBLISHED_ISTIO, PUBLISHED_KUBERNETES_PLUGIN, minor_of

pytestmark = pytest.mark.proof("published programs are taken in place of a build", step=0)

ROOT = Path(__file__).parents[3]
LINUX = ("linux", "amd64")
ALL = (*RECIPES, *FURTHER.values(), *EXTRAS)
VERSIONS = {recipe.tool: recipe.version for recipe in RECIPES}


@pytest.mark.parametrize("part", ALL, ids=lambda part: part.tool)
@pytest.mark.parametrize("processor", ["amd64", "arm64"])
def test_all_that_a_recipe_installs_is_published(part: object, processor: str) -> None:
    assert isinstance(part, type(RECIPES[0]) | type(EXTRAS[0]))
    version = published_version(part.tool, part.version, VERSIONS)
    pieces = standard_table().pieces(part.tool, version, ("linux", processor))
    members = {target for piece in pieces for target in piece.members}
    wanted = {f"bin/{name}" for name in part.installed_programs} | {f"share/{name}" for name in part.shared_files}
    files = getattr(part, "files", ())
    wanted |= {f"{file.destination}/" for file in files if file.destination.startswith("charts/")}
    assert wanted <= members
    assert all("{" not in piece.path for piece in pieces)
    assert all(piece.image or piece.digest for piece in pieces)
    assert all(len(piece.members) == 1 for piece in pieces if ITSELF in piece.members.values())


def test_paths_have_the_versions_of_this_project() -> None:
    table = standard_table()
    further = FURTHER["kubernetes-v1.32.2"]
    assert next(piece.path for piece in table.pieces(further.tool, further.version, LINUX)) == (
        "release/v1.32.2/bin/linux/amd64/kube-apiserver"
    )
    host = published_version("pulumi-language-python", "v3.75.0", VERSIONS)
    assert host == VERSIONS["pulumi"]
    assert "linux-x64" in table.pieces("pulumi", host, LINUX)[0].path
    assert published_version("istio-1.30", "v0.0.0-x", VERSIONS) == PUBLISHED_ISTIO["1.30"]
    assert published_version("istio", "v0.0.0-x", VERSIONS) == PUBLISHED_ISTIO[BUILT_ISTIO[-1]]


def test_published_releases_are_those_that_are_built_and_declared() -> None:
    assert {line: minor_of(release) for line, release in PUBLISHED_ISTIO.items()} == {one: one for one in BUILT_ISTIO}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"pulumi-kubernetes=={PUBLISHED_KUBERNETES_PLUGIN[1:]}" in project["dependencies"]


@pytest.mark.parametrize("platform", [("darwin", "arm64"), ("linux", "riscv64")])
def test_other_machines_build(platform: tuple[str, str], tmp_path: Path) -> None:
    parts = [(recipe, Installation(recipe.tool, recipe.version, tmp_path)) for recipe in RECIPES]
    assert choose(standard_table(), parts, (), platform, VERSIONS) == ()


@pytest.mark.parametrize("silent", standard_table().publishers)
def test_a_tool_is_taken_when_all_its_publishers_respond(silent: str, tmp_path: Path) -> None:
    parts = [(recipe, Installation(recipe.tool, recipe.version, tmp_path)) for recipe in RECIPES]
    table = standard_table()
    taken = {order.tool for order in choose(table, parts, {silent}, LINUX, VERSIONS)}
    of_it = {tool for tool in table.tools if any(silent in p.publishers for p in table.pieces(tool, "1", LINUX))}
    assert taken == {recipe.tool for recipe in RECIPES} - of_it
    assert of_it


def test_addresses_of_publishers_are_in_the_table_alone() -> None:
    hosts = {str(urlsplit(publisher.url).hostname) for publisher in standard_table().publishers.values()}
    # Links to sources and issues lead there.
    hosts -= {"github.com"}
    pattern = re.compile("|".join(map(re.escape, hosts)))
    found = [path for path in (ROOT / "meshfleet").rglob("*.py") if pattern.search(path.read_text())]
    assert found == []


def test_publishers_are_reached_by_https_and_documented() -> None:
    for publisher in standard_table().publishers.values():
        assert publisher.url.startswith("https://")
        assert is_safe(publisher.page)


def test_the_project_s_lock_can_be_read() -> None:
    records = parse_records(PROJECT_LOCK.read_text())
    assert all(record.size for record in records.values())


def test_no_test_asks_publishers(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    assert os.environ[VARIABLE] == OFF
