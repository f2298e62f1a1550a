"""What is pinned, and when it counts as something else."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshfleet.toolchain.recipes import (
    CERT_MANAGER,
    CERT_MANAGER_PODS,
    CONTAINER_RECIPES,
    FURTHER,
    ISTIO,
    KUBERNETES,
    MODULES,
    ON_DEMAND,
    RECIPES,
    Recipe,
)
from meshfleet.topology.cert_manager import CERT_MANAGER_RELEASE
from meshfleet.workspace.cache import locate_cache

# One of them is in images, and on demand.
ALL = tuple({recipe.tool: recipe for recipe in (*RECIPES, *CONTAINER_RECIPES, *ON_DEMAND.values())}.values())

pytestmark = pytest.mark.proof("tools pinned by checked-in Go modules", step=0)


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.tool)
def test_every_tool_is_pinned_with_its_checksums(recipe: Recipe) -> None:
    assert re.fullmatch(r"v\d+\.\d+\.\d+(-\S+)?", recipe.version)
    sums = (recipe.directory / "go.sum").read_text()
    assert f"{recipe.module} {recipe.version} h1:" in sums


def test_every_module_folder_has_a_recipe() -> None:
    assert set(MODULES.iterdir()) == {recipe.directory for recipe in (*ALL, *FURTHER.values())}


def test_no_two_tools_install_the_same_program() -> None:
    programs = [name for recipe in ALL for name in recipe.installed_programs]
    assert len(programs) == len(set(programs))


def test_go_names_no_two_programs_of_a_tool_alike() -> None:
    for recipe in ALL:
        folders = [package.rpartition("/")[2] for package in recipe.programs.values()]
        assert len(folders) == len(set(folders)), recipe.tool


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: recipe.tool)
def test_every_program_is_a_tool_of_its_go_mod(recipe: Recipe) -> None:
    # Else the next `go mod tidy` would forget what it needs.
    words = (recipe.directory / "go.mod").read_text().split()
    assert set(recipe.programs.values()) <= set(words)


def test_istio_s_data_plane_is_of_the_module_that_istiod_is_of() -> None:
    assert {"pilot-discovery", "pilot-agent", "echo-server", "echo-client"} <= set(ISTIO.installed_programs)
    assert ISTIO.shared_files == ("envoy_bootstrap.json",)
    assert {file.module for file in ISTIO.files} == {ISTIO.module}


def test_the_controllers_of_cert_manager_are_of_the_release_whose_chart_is_installed() -> None:
    assert CERT_MANAGER.version == CERT_MANAGER_PODS.version == f"v{CERT_MANAGER_RELEASE}"


def test_pods_and_the_process_of_cert_manager_share_a_controller() -> None:
    assert CERT_MANAGER_PODS.directory == CERT_MANAGER.directory
    assert CERT_MANAGER.installed_programs == ("cert-manager-controller",)
    assert CERT_MANAGER_PODS.installed_programs == ("cert-manager-webhook", "cert-manager-cainjector")
    assert {CERT_MANAGER.tool, CERT_MANAGER_PODS.tool} <= {recipe.tool for recipe in CONTAINER_RECIPES}


def test_linker_flags_carry_the_pinned_version() -> None:
    flags = KUBERNETES.linker_flags()
    assert f"version.gitVersion={KUBERNETES.version}" in flags
    assert "version.gitMajor=1 " in flags


@given(before=st.binary(max_size=64), after=st.binary(max_size=64), name=st.sampled_from(["go.mod", "go.sum"]))
def test_a_key_changes_exactly_when_what_is_pinned_changes(
    tmp_path_factory: pytest.TempPathFactory, before: bytes, after: bytes, name: str
) -> None:
    keys = []
    for content in (before, after):
        folder = tmp_path_factory.mktemp("module")
        (folder / "go.mod").write_text("module x\n\nrequire example.test/x v1.0.0\n")
        (folder / "go.sum").write_text("")
        (folder / name).write_bytes(b"require example.test/x v1.0.0\n" + content)
        keys.append(Recipe("x", "example.test/x", {"x": "example.test/x"}, folder=folder).key)
    assert (keys[0] == keys[1]) == (before == after)


def test_a_key_changes_with_the_recipe() -> None:
    assert replace(KUBERNETES, settings={}).key != KUBERNETES.key
    assert replace(KUBERNETES, programs={"x": "k8s.io/kubernetes/cmd/x"}).key != KUBERNETES.key


def test_a_key_changes_with_go_files_of_our_own(tmp_path: Path) -> None:
    recipe = Recipe("x", "example.test/x", {"x": "x"}, folder=tmp_path)
    (tmp_path / "go.mod").write_text("module x\n")
    before = recipe.key
    (tmp_path / "main.go").write_text("package main\n")
    assert recipe.key != before
    assert replace(recipe, tags=("other",)).key != recipe.key


def test_the_cache_is_where_the_user_says(tmp_path: Path) -> None:
    home = str(Path.home())
    assert locate_cache({"MESHFLEET_CACHE": str(tmp_path), "XDG_CACHE_HOME": "/x"}).root == tmp_path
    assert locate_cache({"XDG_CACHE_HOME": str(tmp_path)}).root == tmp_path / "meshfleet"
    assert locate_cache({"HOME": home}).root == Path(home) / ".cache" / "meshfleet"
