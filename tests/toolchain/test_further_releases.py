"""Other releases of Kubernetes and Istio: which there are, what they are built from, and where their programs are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meshfleet.errors import ToolchainError
from meshfleet.toolchain import further_plan, make_plan, tools
from meshfleet.toolchain.__main__ import main
from meshfleet.toolchain.recipes import FURTHER, ISTIO, KUBERNETES, RECIPES, Recipe, further_recipe
from meshfleet.toolchain.tools import link_tools, shared_file, tool
from meshfleet.versions import (
    BUILT_ISTIO,
    BUILT_KUBERNETES,
    EMBEDDED_ISTIO,
    EMBEDDED_KUBERNETES,
    SUPPORTED,
    further_istio,
    one_of,
)

pytestmark = pytest.mark.proof("other releases of Kubernetes and Istio, each built from a go.mod of its own", step=0)

OLD = "kubernetes-v1.32.2"


def _order(version: str) -> list[int]:
    return [int(part) for part in version.removeprefix("v").split(".")]


def test_the_ends_of_what_istio_supports_can_be_built() -> None:
    minors = {minor for supported in SUPPORTED.values() for minor in supported}
    built = [_order(version)[1] for version in BUILT_KUBERNETES]
    assert (built[0], built[-1]) == (min(minors), max(minors))
    assert set(built) <= minors
    assert set(BUILT_ISTIO) == set(SUPPORTED)
    assert list(BUILT_KUBERNETES) == sorted(BUILT_KUBERNETES, key=_order)
    assert list(BUILT_ISTIO) == sorted(BUILT_ISTIO, key=_order)


def test_the_standard_releases_are_those_of_the_standard_recipes() -> None:
    assert KUBERNETES.version == EMBEDDED_KUBERNETES
    assert EMBEDDED_ISTIO in BUILT_ISTIO
    assert not {recipe.tool for recipe in RECIPES} & set(FURTHER)


@pytest.mark.parametrize("recipe", FURTHER.values(), ids=lambda recipe: recipe.tool)
def test_a_release_is_the_standard_tool_from_another_module_version(recipe: Recipe) -> None:
    standard = next(one for one in (KUBERNETES, ISTIO) if recipe.tool.startswith(f"{one.tool}-"))
    assert recipe.version != standard.version
    assert recipe.key != standard.key
    assert (recipe.programs, recipe.files) == (standard.programs, standard.files)
    text = (recipe.directory / "go.mod").read_text(encoding="utf-8")
    # Else the next `go mod tidy` would forget what it needs.
    assert set(recipe.programs.values()) <= set(text.split())
    assert f"{recipe.module} {recipe.version} h1:" in (recipe.directory / "go.sum").read_text(encoding="utf-8")


@pytest.mark.parametrize("release", [version for version in BUILT_KUBERNETES if version != EMBEDDED_KUBERNETES])
def test_kubernetes_is_built_with_the_libraries_of_its_own_release(release: str) -> None:
    recipe = FURTHER[f"kubernetes-{release}"]
    assert recipe.version == release
    replaced = re.findall(r"^replace (k8s\.io/\S+) => \1 (\S+)$", (recipe.directory / "go.mod").read_text(), re.M)
    assert len(replaced) >= 30
    assert {version for _, version in replaced} == {release.replace("v1.", "v0.")}
    assert f"version.gitVersion={release}" in recipe.linker_flags()


def test_istio_reports_the_release_that_its_module_does_not_name() -> None:
    for release in filter(further_istio, BUILT_ISTIO):
        assert f"-X istio.io/istio/pkg/version.buildVersion={release}" in FURTHER[f"istio-{release}"].linker_flags()


@pytest.mark.parametrize(
    ("program", "release", "found"),
    [
        ("kube-apiserver", "v1.32.2", OLD),
        ("kube-apiserver", EMBEDDED_KUBERNETES, None),
        ("kube-apiserver", "v1.20.0", None),
        ("etcd", "v1.32.2", None),
        ("pilot-agent", "1.30", "istio-1.30"),
        ("pilot-discovery", "1.30.4", "istio-1.30"),
        ("envoy_bootstrap.json", "1.30", "istio-1.30"),
        ("pilot-agent", EMBEDDED_ISTIO, None),
        ("envoy", "1.30", None),
    ],
)
def test_only_programs_of_kubernetes_and_istio_have_releases(program: str, release: str, found: str | None) -> None:
    recipe = further_recipe(program, release)
    assert (recipe.tool if recipe else None) == found


def _install(name: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A further tool whose programs are empty files."""
    monkeypatch.setenv("MESHFLEET_CACHE", str(cache))
    plan = further_plan(FURTHER[name])
    ((_, place),) = plan.parts
    staging = cache / "staging"
    for path in plan.contents:
        (staging / path).parent.mkdir(parents=True, exist_ok=True)
        (staging / path).touch(mode=0o755)
    place.path.parent.mkdir(parents=True, exist_ok=True)
    place.publish(staging)
    for path, source in plan.contents.items():
        (plan.view / path).parent.mkdir(parents=True, exist_ok=True)
        (plan.view / path).hardlink_to(source)
    return plan.view


@pytest.fixture(autouse=True)
def forgotten() -> None:
    tools._built.cache_clear()


def test_a_program_of_another_release_is_in_that_release_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = _install("istio-1.30", tmp_path / "cache", monkeypatch)
    standard = tmp_path / "view" / "bin"
    standard.mkdir(parents=True)
    for name in ("pilot-agent", "envoy"):
        (standard / name).touch(mode=0o755)
    monkeypatch.setenv("MESHFLEET_TOOLS", str(standard))
    assert tool("pilot-agent", "1.30") == view / "bin" / "pilot-agent"
    assert shared_file("envoy_bootstrap.json", "1.30") == view / "share" / "envoy_bootstrap.json"
    assert tool("pilot-agent") == tool("pilot-agent", EMBEDDED_ISTIO) == standard / "pilot-agent"
    assert tool("envoy", "1.30") == standard / "envoy"
    link_tools(tmp_path / "links", {"pilot-agent": "pilot-agent"}, "1.30")
    assert (tmp_path / "links" / "pilot-agent").readlink() == view / "bin" / "pilot-agent"


def test_a_release_that_is_not_built_is_named_with_the_command_that_builds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MESHFLEET_CACHE", str(tmp_path))
    with pytest.raises(ToolchainError, match=rf"{OLD}: not installed; run scripts/bootstrap --with {OLD} to "):
        tool("kube-apiserver", "v1.32.2")
    assert main(["--check", "--with", OLD]) == 1
    assert f"{OLD}: not installed" in capsys.readouterr().err


def test_without_being_named_another_release_is_no_part_of_the_toolchain() -> None:
    assert not {recipe.tool for recipe in make_plan().recipes} & set(FURTHER)
    assert further_plan(FURTHER[OLD]).view != make_plan().view


def test_versions_to_choose_from_are_said_in_words() -> None:
    assert one_of(["1.31"]) == "1.31"
    assert one_of(["1.30", "1.31"]) == "1.30 or 1.31"
    assert one_of(["1", "2", "3"]) == "1, 2 or 3"
