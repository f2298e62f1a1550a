"""The wheel, installed away from any checkout: a stack file of the user's own, and a program of the user's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import meshfleet
from meshfleet.dataplane.sweep import sweep

ROOT = Path(meshfleet.__file__).resolve().parents[1]
STACK = """config:
  meshfleet:networks: {coast: {}}
  meshfleet:clusters: {solo: {embedded: {}, network: coast}}
"""

pytestmark = [pytest.mark.extended, pytest.mark.proof("the wheel brings up a stack file of the user's own", step=3)]


@dataclass(frozen=True)
class Installed:
    """An environment that the wheel is in, and an empty folder to work in; `home` is the user's."""

    environment: Path
    work: Path
    home: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment with little more than PATH."""
        ran = subprocess.run(
            [str(self.environment / "bin" / command[0]), *command[1:]],
            cwd=self.work,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran

    @property
    def variables(self) -> dict[str, str]:
        """The user's environment; the cache is that of the machine, which has the toolchain."""
        kept = {name: os.environ[name] for name in ("MESHFLEET_CACHE", "MESHFLEET_TOOLS") if name in os.environ}
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "XDG_CACHE_HOME": cache, **kept}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel; the packages it depends on are those of these tests, without the checkout."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    venv.create(folder, symlinks=True, with_pip=False)
    install = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--no-index"]
    subprocess.run([*install, "--no-deps", "--quiet", str(wheel)], check=True, capture_output=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    here = Path(sys.prefix)
    for theirs, own in (((here / packages.relative_to(folder)), packages), (here / "bin", folder / "bin")):
        for path in theirs.iterdir():
            # But for the checkout, which an editable install names.
            if "meshfleet" not in path.name and not (own / path.name).exists():
                (own / path.name).symlink_to(path)
    return folder


@pytest.fixture
def installed(environment: Path, tmp_path: Path) -> Iterator[Installed]:
    made = Installed(environment, tmp_path / "work", tmp_path / "home")
    made.work.mkdir()
    made.home.mkdir()
    yield made
    for fleet in ("mine", "shop-dev"):
        sweep(fleet, made.work / ".meshfleet")


def test_a_stack_file_in_an_empty_folder_is_all_it_takes(installed: Installed) -> None:
    version = installed.run("python", "-c", "import meshfleet; print(meshfleet.__version__, meshfleet.__file__)")
    printed, place = version.stdout.split()
    assert printed == meshfleet.__version__
    assert Path(place).is_relative_to(installed.environment)
    (installed.work / "Pulumi.mine.yaml").write_text(STACK, encoding="utf-8")
    stack = ("--stack", "mine")
    assert "mine is valid" in installed.run("meshfleet", "validate", *stack).stderr
    installed.run("meshfleet", "render", *stack, "--out", "rendered")
    assert (installed.work / "rendered").is_dir()
    assert not (installed.work / ".meshfleet").exists()
    installed.run("meshfleet", "up", *stack)
    report = json.loads(installed.run("meshfleet", "verify", *stack, "--json").stdout)
    assert report["ok"]
    # From a folder below, and by the option.
    assert "no changes" in installed.run("meshfleet", "preview", *stack).stderr
    named = installed.run("meshfleet", "--project", str(installed.work), "status", *stack, "--json")
    assert [cluster["name"] for cluster in json.loads(named.stdout)["clusters"]] == ["solo"]
    installed.run("meshfleet", "destroy", *stack, "--yes")
    installed.run("python", "-m", "meshfleet.automation.removal")
    assert sorted(path.name for path in installed.work.iterdir()) == ["Pulumi.mine.yaml", "rendered"]


def test_a_program_of_the_user_s_own_registers_a_fleet(installed: Installed) -> None:
    for path in (ROOT / "examples" / "library").iterdir():
        if path.is_file():
            shutil.copy(path, installed.work)
    exports = {}
    for line in installed.run("meshfleet", "env").stdout.splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        exports[name] = value.strip("'")
    pulumi = Path(exports["MESHFLEET_TOOLS"]) / "pulumi"

    def run(*arguments: str) -> str:
        ran = subprocess.run(
            [str(pulumi), "--non-interactive", *arguments],
            cwd=installed.work,
            env=installed.variables | exports,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    run("stack", "init", "dev")
    run("up", "--stack", "dev", "--yes", "--skip-preview")
    outputs = json.loads(run("stack", "output", "--stack", "dev", "--json"))
    assert outputs["kubeconfigs"] == "[secret]"
    assert len(outputs["partnerRoot"].replace(":", "")) >= 64
    run("preview", "--stack", "dev", "--expect-no-changes")
    run("destroy", "--stack", "dev", "--yes", "--skip-preview")
    left = installed.work / ".meshfleet" / "fleets" / "shop-dev"
    # The marker of the fleet stays, by which `meshfleet destroy` would know it.
    assert [path.name for path in left.glob("*/*")] == []
