"""When everything is there, it costs next to nothing to know it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from meshfleet.toolchain import Toolchain, ensure
from meshfleet.toolchain.plan import make_plan
from meshfleet.toolchain.pulumi_on_path import PROGRAMS, find_pulumi, is_new_enough
from meshfleet.toolchain.recipes import PULUMI, RECIPES
from meshfleet.workspace.cache import Cache

pytestmark = pytest.mark.proof("a complete toolchain is recognised in milliseconds", step=0)


def test_a_complete_toolchain_is_recognised_by_reading_some_hundred_small_files_alone(toolchain: Toolchain) -> None:
    read: list[str] = []
    changed: list[str] = []
    watching = True

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if not watching:
            return
        if event == "os.scandir" or (event == "open" and arguments[1] in ("r", "rb", None)):
            read.append(str(arguments[0]))
        elif event in ("open", "subprocess.Popen", "os.mkdir", "os.remove", "os.rename", "os.symlink"):
            changed.append(f"{event} {arguments[0]}")

    # A hook cannot be taken away again.
    sys.addaudithook(hook)
    try:
        assert ensure() == toolchain
    finally:
        watching = False
    assert changed == []
    assert len(read) < 600
    assert max(os.path.getsize(path) for path in read if os.path.isfile(path)) < 1 << 20


def test_recognising_it_imports_nothing_slow(toolchain: Toolchain) -> None:
    program = "import sys; from meshfleet.toolchain import ensure; ensure(); print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    slow = {"pulumi", "rich", "pydantic", "psutil", "filelock", "subprocess", "typer", "topology"}
    assert not slow & set(answer.stdout.split())


def test_one_folder_has_every_program_and_chart(toolchain: Toolchain) -> None:
    wanted = {name for recipe in RECIPES for name in recipe.installed_programs} | {"kubectl", "envoy"}
    assert {path.name for path in toolchain.bin.iterdir()} == wanted
    for chart in ("base", "istiod", "gateway", "cni", "ztunnel"):
        assert (toolchain.charts / chart / "Chart.yaml").is_file()
    assert '"static_resources"' in toolchain.envoy_bootstrap.read_text()


def test_the_command_prints_where_the_tools_are(toolchain: Toolchain) -> None:
    command = [sys.executable, "-m", "meshfleet.toolchain"]
    plain = subprocess.run([*command, "--check"], capture_output=True, text=True, check=True)
    assert plain.stdout == f"{toolchain.bin}\n"
    answer = json.loads(subprocess.run([*command, "--json"], capture_output=True, check=True).stdout)
    assert answer["charts"] == str(toolchain.charts)
    assert answer["envoyBootstrap"] == str(toolchain.envoy_bootstrap)
    assert answer["versions"]["kubernetes"] == "v1.35.4"


def test_check_builds_nothing_and_names_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHFLEET_CACHE", str(tmp_path / "empty"))
    answer = subprocess.run(
        [sys.executable, "-m", "meshfleet.toolchain", "--check"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert "etcd: not installed\n" in answer.stderr
    assert not list((tmp_path / "empty").rglob("*-*"))


@pytest.fixture
def pulumi_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: Callable[[str, str], Path]
) -> Callable[[str], Path]:
    """Puts a CLI that says it is of some version on PATH, with its language host."""

    def put(version: str) -> Path:
        for name in PROGRAMS:
            script(f"pulumi/{name}", f"echo asked >> {tmp_path}/asked; echo {version}")
        monkeypatch.setenv("PATH", f"{tmp_path}/pulumi:/usr/bin:/bin")
        return tmp_path / "pulumi"

    return put


def test_a_new_enough_pulumi_on_path_is_used_and_queried_once(
    tmp_path: Path, pulumi_on_path: Callable[[str], Path]
) -> None:
    folder = pulumi_on_path("v3.300.1")
    cache = Cache(tmp_path / "cache")
    assert [find_pulumi(cache) for _ in range(3)] == [folder] * 3
    assert (tmp_path / "asked").read_text() == "asked\n"
    plan = make_plan(cache)
    assert plan.programs["pulumi"] == folder / "pulumi"
    assert PULUMI not in plan.recipes


@pytest.mark.parametrize("version", ["v3.258.9", "v2.999.0", "v4.0.0", "unknown", "''"])
def test_another_pulumi_on_path_is_not_used(
    tmp_path: Path, pulumi_on_path: Callable[[str], Path], version: str
) -> None:
    pulumi_on_path(version)
    assert find_pulumi(Cache(tmp_path / "cache")) is None


def test_a_pulumi_without_its_language_host_is_not_used(tmp_path: Path, pulumi_on_path: Callable[[str], Path]) -> None:
    (pulumi_on_path("v3.300.1") / "pulumi-language-python").unlink()
    assert find_pulumi(Cache(tmp_path / "cache")) is None


def test_the_pinned_pulumi_itself_is_new_enough() -> None:
    assert is_new_enough(PULUMI.version, PULUMI.version)
